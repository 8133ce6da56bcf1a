/* A button that turns light into dark and back; the browser keeps the choice, and until there is one follows the system. */
const KEY = "pellucid-theme";

export default {
  template: `<q-btn flat round dense icon="contrast" aria-label="Light or dark" title="Light or dark" @click="turn" />`,
  mounted() {
    const kept = localStorage.getItem(KEY);
    if (kept) this.set(kept === "dark");
  },
  methods: {
    turn() {
      this.set(!this.$q.dark.isActive);
      localStorage.setItem(KEY, this.$q.dark.isActive ? "dark" : "light");
    },
    set(dark) {
      this.$q.dark.set(dark);
      document.documentElement.style.colorScheme = dark ? "dark" : "light";
    },
  },
};
