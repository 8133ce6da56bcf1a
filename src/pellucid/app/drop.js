/* A place to drop a file on, or to choose one by keyboard; dropping anywhere on the page works too. */
export default {
  template: `
    <label class="p-drop" :class="{over}">
      <input type="file" @change="take($event.target.files)" aria-label="Choose a file of this computer" />
      <span>{{ sending ? 'Sending ' + sending + ' …' : 'Drop a file here, or choose one from this computer' }}</span>
    </label>`,
  props: { largest: Number },
  data: () => ({ over: false, sending: "" }),
  mounted() {
    this.enter = (event) => { event.preventDefault(); this.over = true; };
    this.leave = () => { this.over = false; };
    this.drop = (event) => { event.preventDefault(); this.over = false; this.take(event.dataTransfer.files); };
    document.addEventListener("dragover", this.enter);
    document.addEventListener("dragleave", this.leave);
    document.addEventListener("drop", this.drop);
  },
  beforeUnmount() {
    document.removeEventListener("dragover", this.enter);
    document.removeEventListener("dragleave", this.leave);
    document.removeEventListener("drop", this.drop);
  },
  methods: {
    async take(files) {
      const file = files?.[0];
      if (!file) return;
      if (file.size > this.largest) {
        this.$emit("refused", `${file.name}: larger than ${this.largest >> 20} MB; start the server with its folder and choose it there`);
        return;
      }
      this.sending = file.name;
      try {
        const answer = await fetch(`/upload?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
        const told = await answer.json();
        if (told.path) this.$emit("taken", told.path);
        else this.$emit("refused", told.problem);
      } catch {
        this.$emit("refused", `${file.name}: could not be sent; drop it again`);
      } finally {
        this.sending = "";
      }
    },
  },
};
