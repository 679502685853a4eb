// Colors of the plots, from the stylesheet (light or dark), and figures that look like the pages.

const NAMES = ["odd", "even", "flagged", "flagged-strip", "candidate", "selected", "gap", "grid"];

/** Return the colors of the plots by name. */
export function colors() {
  const style = getComputedStyle(document.documentElement);
  const found = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--curve-${name}`).trim()]));
  for (const name of ["text", "quiet", "ground", "line", "accent"]) {
    found[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return found;
}

/** Call a function whenever the page turns dark or light. */
export function whenThemeChanges(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** Return an empty figure. */
export function makeFigure(look, attributes) {
  const figure = Bokeh.Plotting.figure({
    sizing_mode: "stretch_width",
    background_fill_color: look.ground,
    border_fill_color: look.ground,
    outline_line_color: look.line,
    min_border_right: 12,
    toolbar_location: "above",
    ...attributes,
  });
  figure.toolbar.logo = null;
  for (const axis of figure.axes) {
    axis.axis_label_text_font_style = "normal";
    axis.axis_label_text_color = axis.major_label_text_color = look.text;
    axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = look.quiet;
    axis.axis_label_text_font = axis.major_label_text_font = "system-ui, 'DejaVu Sans', sans-serif";
  }
  for (const grid of figure.grids) grid.grid_line_color = look.grid;
  return figure;
}

/** Put a figure into an element in place of the one before; return its view. */
export async function show(figure, element, before) {
  if (before) {
    const {document} = before.model;
    before.remove();
    Bokeh.documents.splice(Bokeh.documents.indexOf(document), 1);
  }
  element.replaceChildren();
  return Bokeh.Plotting.show(figure, element);
}

/** Return a number as people read it. */
export function text(number, digits = 4) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  if (Number.isInteger(number) && Math.abs(number) < 1e15) return number.toLocaleString("en-US");
  const short = Number(number.toPrecision(digits));
  return Math.abs(short) >= 1e6 || (short !== 0 && Math.abs(short) < 1e-4) ? short.toExponential() : String(short);
}

/** Return seconds as people read them: to the microsecond. */
export function secondsText(seconds) {
  return seconds.toLocaleString("en-US", {maximumFractionDigits: Math.abs(seconds) < 1e5 ? 6 : 3});
}

/** Return an element with text and attributes. */
export function element(tag, content = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = content;
  for (const [name, one] of Object.entries(attributes)) made.setAttribute(name, one);
  return made;
}
