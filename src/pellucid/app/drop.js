/* A place to drop files on, or to choose some by keyboard; dropping anywhere on the page works too. */
export default {
  template: `
    <label class="p-drop" :class="{over}">
      <input type="file" multiple @change="choose" aria-label="Choose files of this computer" />
      <span>{{ sending ? 'Sending ' + sending + ' …' : 'Drop files here, or choose some of this computer' }}</span>
    </label>`,
  props: { largest: Number },
  data: () => ({ over: false, sending: "" }),
  mounted() {
    this.enter = (event) => { event.preventDefault(); this.over = true; };
    this.leave = () => { this.over = false; };
    this.drop = (event) => { event.preventDefault(); this.over = false; this.take(dropped(event.dataTransfer)); };
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
    choose(event) {
      const files = [...event.target.files];
      event.target.value = ""; // so that the same file may be chosen again
      this.take(files);
    },
    async take(files) {
      const problems = [];
      let last = "";
      for (const file of files) {
        try {
          last = await this.send(file);
        } catch (problem) {
          problems.push(problem.message);
        }
      }
      this.sending = "";
      this.$emit("sent", { last, problem: problems.join("; ") });
    },
    async send(file) {
      if (typeof file === "string") throw Error(`${file}: is a folder; start the server with it and choose it in the list`);
      if (file.size > this.largest) {
        throw Error(`${file.name}: more than ${this.largest >> 20} MB: start the server with its folder and choose the file there`);
      }
      this.sending = file.name;
      const request = { method: "POST", body: file };
      const told = await fetch(`/upload?name=${encodeURIComponent(file.name)}`, request)
        .then((answer) => answer.json())
        .catch(() => { throw Error(`${file.name}: could not be sent; drop it again`); });
      if (told.problem) throw Error(told.problem);
      return told.path;
    },
  },
};

/** Files, and the names of folders. */
function dropped(transfer) {
  return [...transfer.items].filter((item) => item.kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? entry.name : item.getAsFile();
  });
}
