"use strict";
(() => {
  const figures = [...document.querySelectorAll(".figure")];
  if (!figures.length) return;
  const press = (buttons, chosen) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === chosen)));

  // Before and after: the pictures of the page are used again, so that the file holds each only once.
  const compare = document.querySelector(".compare");
  const slider = compare.querySelector(".slider");
  const range = slider.querySelector("input");
  const choices = [...compare.querySelectorAll("[data-figure]")];
  const move = () => slider.style.setProperty("--at", `${range.value}%`);
  const beside = compare.querySelector(".beside");
  const choose = (index) => {
    const [noisy, denoised, third] = figures[index].querySelectorAll("img");
    const { width, height } = figures[index].dataset;
    const caption = figures[index].querySelectorAll("figcaption")[2];
    slider.querySelector(".over").src = noisy.src;
    slider.querySelector(".under").src = denoised.src;
    beside.querySelector("img").src = third.src;
    beside.querySelector(".tag").textContent = caption.firstChild.textContent.trim();
    // At exact pixels, or at a whole multiple of them; two pictures of 512 stand beside each other.
    const zoom = Math.max(1, Math.floor(512 / width));
    [slider, beside].forEach((box) => {
      box.style.width = `${width * zoom}px`;
      box.style.imageRendering = zoom > 1 ? "pixelated" : "auto";
      box.querySelectorAll("img").forEach((img) => { img.width = width; img.height = height; });
    });
    beside.hidden = width > 512;
    press(choices, choices[index]);
  };
  compare.hidden = false;
  if (choices.length < 2) choices[0].parentElement.hidden = true;
  range.addEventListener("input", move);
  choices.forEach((button, index) => button.addEventListener("click", () => choose(index)));
  choose(0);
  move();

  // Click to enlarge: exact pixels, and the versions of an image in the same place one after the other.
  const dialog = document.querySelector("dialog");
  const stage = dialog.querySelector(".stage");
  const picture = stage.querySelector("img");
  const versions = dialog.querySelector(".versions");
  const zooms = dialog.querySelector(".zooms");
  let shown = [], current = 0, zoom = 1;
  const button = (text, parent, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", action);
    parent.append(made);
    return made;
  };
  const show = (index) => {
    current = (index + shown.length) % shown.length;
    picture.src = shown[current].src;
    picture.alt = shown[current].alt;
    press([...versions.children], versions.children[current]);
  };
  const enlarge = (factor) => {
    const x = (stage.scrollLeft + stage.clientWidth / 2) / zoom, y = (stage.scrollTop + stage.clientHeight / 2) / zoom;
    zoom = factor;
    picture.width = shown[current].naturalWidth * zoom;
    picture.height = shown[current].naturalHeight * zoom;
    stage.scrollTo(x * zoom - stage.clientWidth / 2, y * zoom - stage.clientHeight / 2);
    press([...zooms.children], zooms.children[Math.log2(zoom)]);
  };
  [1, 2, 4, 8].forEach((factor) => button(`${factor}×`, zooms, () => enlarge(factor)));
  const open = (figure, index) => {
    shown = [...figure.querySelectorAll("img")];
    versions.replaceChildren();
    figure.querySelectorAll("figcaption").forEach((caption, i) => button(caption.firstChild.textContent.trim(), versions, () => show(i)));
    dialog.showModal();
    show(index);
    const fitting = Math.min(stage.clientWidth / picture.naturalWidth, stage.clientHeight / picture.naturalHeight) || 1;
    enlarge(fitting >= 4 ? 4 : fitting >= 2 ? 2 : 1);
    stage.focus();
  };
  figures.forEach((figure) => figure.querySelectorAll(".picture").forEach((picture, i) => picture.addEventListener("click", () => open(figure, i))));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { show(current + step); event.preventDefault(); }
    if (event.key === "+" && zoom < 8) enlarge(zoom * 2);
    if (event.key === "-" && zoom > 1) enlarge(zoom / 2);
  });
  let grip = null;
  stage.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse") { grip = event; stage.setPointerCapture(event.pointerId); event.preventDefault(); } });
  stage.addEventListener("pointermove", (event) => { if (grip) stage.scrollBy(-event.movementX, -event.movementY); });
  stage.addEventListener("pointerup", () => { grip = null; });
})();
