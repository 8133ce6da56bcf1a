/* A view of one or more images of one size, by OpenSeadragon: zoom, pan, a slider between two, in step with other views.

layers: [{key, url, width, height}], the last one on top; url takes /power/row/column.png before its query.
split: where the top layer begins, from 0 (all of it) to 1 (none of it); null shows the top layer alone.
*/
const views = new Set();

function loadScript(url) {
  window.pellucidScripts ??= {};
  return (window.pellucidScripts[url] ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: url, onload: resolve, onerror: reject });
    document.head.append(script);
  }));
}

export default {
  template: `
    <div class="p-view">
      <div ref="stage" class="p-stage"></div>
      <div v-if="border && split !== null && layers.length > 1" class="p-split" :style="{left: 100 * split + '%'}"
           role="slider" tabindex="0" aria-label="Border between the two images" :aria-valuenow="Math.round(100 * split)"
           aria-valuemin="0" aria-valuemax="100" @pointerdown.prevent="drag" @keydown="nudge"></div>
      <div class="p-view-tools" role="group" :aria-label="label + ': zoom'">
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" @click="zoom(2)">+</button>
        <button type="button" aria-label="Zoom out" title="Zoom out (-)" @click="zoom(0.5)">&minus;</button>
        <button type="button" title="The whole image (0)" @click="home">Fit</button>
        <button type="button" title="One pixel of the image on one of the screen" @click="oneToOne">1:1</button>
      </div>
      <div class="p-view-status" role="status">{{ status }}</div>
    </div>`,
  props: {
    layers: Array, split: { type: Number, default: null }, border: Boolean, group: String, label: String, exact: Number,
  },
  data: () => ({ status: "" }),
  async mounted() {
    await loadScript("/static/openseadragon/openseadragon.min.js");
    if (!this.$refs.stage) return;
    this.viewer = OpenSeadragon({
      element: this.$refs.stage, drawer: "canvas", showNavigationControl: false, imageSmoothingEnabled: false,
      minZoomImageRatio: 0.5, maxZoomPixelRatio: 16, visibilityRatio: 0.2, animationTime: 0.25, springStiffness: 10,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true }, maxImageCacheCount: 400, timeout: 120000,
    });
    this.viewer.addHandler("canvas-key", (event) => {
      if (["f", "F", "r", "R"].includes(event.originalEvent.key)) event.preventDefaultAction = true;
    });
    this.viewer.canvas.setAttribute("aria-label", `${this.label}: arrow keys move, + and - zoom, 0 shows all`);
    this.viewer.canvas.setAttribute("role", "img");
    this.viewer.addHandler("viewport-change", this.follow);
    this.visible = this.$refs.stage.clientWidth > 0;
    this.viewer.addHandler("resize", () => {
      if (!this.visible) this.viewer.viewport.goHome(true);
      this.visible = true;
      this.clip();
    });
    this.viewer.addHandler("animation-finish", this.tell);
    views.add(this);
    this.shown = [];
    this.show();
  },
  beforeUnmount() {
    views.delete(this);
    this.viewer?.destroy();
  },
  watch: {
    layers: { deep: true, handler() { this.viewer && this.show(); } },
    split() { this.clip(); },
  },
  methods: {
    show() {
      const first = this.shown.length === 0;
      const size = this.layers.map((layer) => `${layer.width}x${layer.height}`).join();
      const fresh = first || size !== this.size;
      this.size = size;
      if (fresh) { this.viewer.close(); this.shown = []; }
      this.layers.forEach((layer, at) => {
        if (this.shown[at]?.key === layer.key) return;
        this.add(layer, at, fresh);
      });
      if (this.layers.length < this.shown.length) {
        this.shown.splice(this.layers.length).forEach((old) => old.item && this.viewer.world.removeItem(old.item));
      }
    },
    add(layer, at, fresh) {
      const entry = { key: layer.key, item: null };
      const old = this.shown[at];
      this.shown[at] = entry;
      const most = Math.ceil(Math.log2(Math.max(layer.width, layer.height, 2)));
      const [path, query] = layer.url.split("?");
      this.viewer.addTiledImage({
        tileSource: {
          width: layer.width, height: layer.height, tileSize: 256, tileOverlap: 0, minLevel: Math.max(0, most - 24), maxLevel: most,
          getTileUrl: (level, x, y) => `${path}/${most - level}/${y}/${x}.png?${query}`,
        },
        x: 0, y: 0, width: 1,
        success: ({ item }) => {
          entry.item = item;
          if (this.shown[at] !== entry) { this.viewer.world.removeItem(item); return; }
          this.order();
          if (fresh && at === 0) { this.viewer.viewport.goHome(true); this.joined(); }
          this.clip();
          this.tell();
          if (old) item.whenFullyLoaded(() => this.drop(old));
        },
      });
    },
    drop(old) {
      if (old.item && this.viewer?.world.getIndexOfItem(old.item) >= 0) this.viewer.world.removeItem(old.item);
    },
    order() {
      this.shown.filter((entry) => entry.item).forEach((entry) => {
        const count = this.viewer.world.getItemCount();
        this.viewer.world.setItemIndex(entry.item, count - 1);
      });
    },
    joined() {
      for (const other of views) {
        if (other !== this && other.group && other.group === this.group && other.shown?.length) {
          this.viewer.viewport.fitBounds(other.viewer.viewport.getBounds(true), true);
          return;
        }
      }
    },
    follow() {
      this.clip();
      if (this.following || !this.group) return;
      for (const other of views) {
        if (other === this || other.group !== this.group || !other.viewer?.world.getItemCount()) continue;
        other.following = true;
        other.viewer.viewport.zoomTo(this.viewer.viewport.getZoom(true), null, true);
        other.viewer.viewport.panTo(this.viewer.viewport.getCenter(true), true);
        other.following = false;
        other.tell();
      }
    },
    clip() {
      const top = this.shown?.[1]?.item;
      if (!top) return;
      if (this.split === null) { top.setClip(null); return; }
      const stage = this.viewer.container.clientWidth;
      const at = this.viewer.viewport.pointFromPixel(new OpenSeadragon.Point(this.split * stage, 0), true).x;
      const layer = this.layers[1];
      const left = Math.min(Math.max(at * layer.width, 0), layer.width);
      top.setOpacity(left >= layer.width ? 0 : 1);
      top.setClip(new OpenSeadragon.Rect(left, 0, Math.max(layer.width - left, 1), layer.height));
    },
    tell() {
      if (!this.viewer?.world.getItemCount() || !this.layers.length) return;
      const { width, height } = this.layers[0];
      const shown = this.viewer.viewport.getBounds(true);
      const pixels = this.viewer.container.clientWidth / (shown.width * width);
      const power = Math.max(0, Math.floor(Math.log2(1 / (pixels * (window.devicePixelRatio || 1)))));
      const zoom = pixels >= 1 ? `${round(pixels)}:1` : `1:${round(1 / pixels)}`;
      const note = power > this.exact ? " · overview from a sample of the pixels: zoom in to see all of them" : "";
      this.status = zoom + note;
      this.$emit("view", { left: shown.x * width, top: shown.y * width, width: shown.width * width, height: shown.height * width });
    },
    zoom(factor) { this.viewer.viewport.zoomBy(factor); this.viewer.viewport.applyConstraints(); },
    home() { this.viewer.viewport.goHome(); },
    oneToOne() { this.viewer.viewport.zoomTo(this.layers[0].width / this.viewer.container.clientWidth); },
    look(left, top, width, height) {
      const scale = this.layers[0].width;
      this.viewer.viewport.fitBounds(new OpenSeadragon.Rect(left / scale, top / scale, width / scale, height / scale), true);
    },
    drag(event) {
      event.target.focus();
      const stage = this.$refs.stage;
      const move = (moved) => {
        const box = stage.getBoundingClientRect();
        this.$emit("split", Math.min(1, Math.max(0, (moved.clientX - box.left) / box.width)));
      };
      const stop = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", stop); };
      addEventListener("pointermove", move);
      addEventListener("pointerup", stop);
    },
    nudge(event) {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
      if (step) { event.preventDefault(); this.$emit("split", Math.min(1, Math.max(0, this.split + step))); }
    },
  },
};

function round(value) { return value >= 10 ? Math.round(value) : Math.round(value * 10) / 10; }
