// Loads the picture with all its pixels when a person enlarges the clear one beyond its own, and puts it in its place.

const picture = () => document.getElementById("picture");
const isClear = () => document.getElementById("stage").dataset.state === "clear";

export function sharpen() {
  const here = picture();
  const image = here?.querySelector("img.clear");
  if (!image || !isClear() || !("zoomed" in here.dataset)) return;
  if (!image.complete) image.addEventListener("load", sharpen, { once: true });
  else if (isDrawnLarger(image) && hasMore(here, image)) load(here, image);
}

const isDrawnLarger = (image) => image.naturalWidth > 0 && image.clientWidth > image.naturalWidth;

function hasMore(here, image) {
  const [width] = here.dataset.size.split(" ").map(Number);
  return image.naturalWidth < width && !("asked" in image.dataset);
}

function load(here, image) {
  image.dataset.asked = ""; // once, also where the server cannot make it
  const full = image.cloneNode();
  full.addEventListener("load", () => image.replaceWith(full)); // an image that was removed meanwhile has no place
  full.src = here.dataset.full;
}

document.addEventListener("picture:clear", sharpen);
