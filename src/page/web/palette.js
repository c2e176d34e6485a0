// Canvases know no style sheet: they are told its colours, again whenever the scheme changes.

const LEVELS = 5;

export const palette = {};

/** Canvases know no style sheet: they are told its colours, again whenever the scheme changes. */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  palette.levels = Array.from({ length: LEVELS }, (_, i) => colour(`level-${i + 1}`));
  palette.series = Array.from({ length: 12 }, (_, i) => colour(`series-${i + 1}`));
  for (const name of ["urgent", "land", "line", "border", "line-strong", "ink", "muted", "series-other", "accent", "unknown"]) palette[name] = colour(name);
  palette.font = style.getPropertyValue("--font").trim();
}

/** Makes a canvas as fine as the screen; its drawing is in CSS pixels. */
export function prepare(canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}
