// The plot of the periodogram: a peak that is clicked, or chosen in the list, folds the light curve.

import {colors, element, makeFigure, show, text} from "./curve-look.js";

const NEAR = 12; // pixels: so close to a peak a click means it
const MOST = 5; // peaks in the list
const LINE = 0.06; // of the height: so far apart labels of levels must be ...
const WIDE = 44; // pixels: ... or else beside each other
const DECADE = 10; // from lowest to highest frequency: of a wider range powers of ten are named

/** One plot and its list of peaks. */
export class SpectrumPlot {
  constructor(plot, list, fold) {
    Object.assign(this, {plot, list, fold});
  }

  /** Show an answer of the server; one without frequencies leaves no plot. */
  async draw(answer) {
    this.answer = answer;
    const empty = answer.frequency_hz.length === 0;
    this.plot.hidden = empty;
    this.#listPeaks();
    if (empty) return;
    const look = colors();
    const frequency = answer.frequency_hz;
    const levels = Object.entries(answer.false_alarm_levels);
    const top = 1.12 * Math.max(...answer.power, ...answer.peaks.map((one) => one.power), ...levels.map(([, y]) => y));
    const figure = makeFigure(look, {
      height: 300,
      tools: "",
      toolbar_location: "right", // one above would lose its buttons when the column becomes narrower
      x_axis_type: "log",
      x_range: new Bokeh.Range1d({start: frequency[0] / 1.05, end: frequency.at(-1) * 1.05}),
      y_range: new Bokeh.Range1d({start: 0, end: top}),
      x_axis_label: "Frequency (Hz)",
      y_axis_label: "Power",
      min_border_left: 66,
    });
    if (frequency.at(-1) / frequency[0] < DECADE) this.#narrow(figure);
    this.#addGlyphs(figure, look, levels);
    figure.on_event("tap", (event) => this.#tapped(figure, event));
    this.view = await show(figure, this.plot, this.view);
  }

  /** Name few frequencies of a range without a power of ten, for which the names are long. */
  #narrow(figure) {
    const axis = figure.xaxes[0];
    axis.ticker = figure.xgrids[0].ticker = new Bokeh.AdaptiveTicker({desired_num_ticks: 3, mantissas: [1, 2, 5]});
    axis.formatter = new Bokeh.BasicTickFormatter({precision: 2});
  }

  #addGlyphs(figure, look, levels) {
    const {frequency_hz: x, power: y, peaks} = this.answer;
    const source = new Bokeh.ColumnDataSource({data: {x, y, period: x.map((one) => text(1 / one, 6))}});
    const line = figure.line({x: {field: "x"}, y: {field: "y"}, source, line_color: look.odd, line_width: 1.2});
    const [from, to] = [figure.x_range.start, figure.x_range.end];
    let [before, shift] = [Infinity, 0];
    for (const [chance, power] of [...levels].sort(([, a], [, b]) => a - b)) {
      const close = Math.abs(power - before) < LINE * figure.y_range.end; // beside each other, not over each other
      [before, shift] = [power, close ? shift + WIDE : 0];
      figure.line([from, to], [power, power], {line_color: look.quiet, line_dash: [4, 4]});
      figure.text({x: [from], y: [power], text: [chance], x_offset: 4 + shift, text_color: look.quiet,
        text_font_size: "11px", text_baseline: "middle", background_fill_color: look.ground});
    }
    const marks = new Bokeh.ColumnDataSource({data: {
      x: peaks.map((one) => one.frequency_hz), y: peaks.map((one) => one.power),
      period: peaks.map((one) => text(one.period_s, 6)),
    }});
    const points = figure.scatter({x: {field: "x"}, y: {field: "y"}, source: marks, size: 9, marker: "circle",
      fill_color: look.even, line_color: look.ground});
    const tooltips = [["period (s)", "@period"], ["power", "@y"]];
    figure.add_tools(
      new Bokeh.BoxZoomTool(), new Bokeh.PanTool(), new Bokeh.ResetTool(),
      new Bokeh.HoverTool({renderers: [points, line], tooltips, limit: 1}),
    );
  }

  #tapped(figure, {x, y}) {
    const {start, end} = figure.x_range;
    const wide = this.plot.clientWidth / Math.log(end / start);
    const high = 250 / (figure.y_range.end - figure.y_range.start);
    const near = this.answer.peaks
      .map((one) => [Math.hypot(Math.log(x / one.frequency_hz) * wide, (y - one.power) * high), one])
      .filter(([far]) => far < NEAR)
      .sort(([first], [second]) => first - second);
    if (near.length) this.fold(near[0][1].period_s);
  }

  #listPeaks() {
    const {peaks, note} = this.answer;
    this.list.replaceChildren();
    if (note) this.list.append(element("p", note, {class: "quiet"}));
    if (!peaks.length) return;
    const table = element("table");
    table.append(element("caption", "Highest peaks"));
    const head = table.createTHead().insertRow();
    for (const [name, unit] of [["", ""], ["Period", "s"], ["Power", ""], ["Probability by chance", ""], ["Note", ""]]) {
      const cell = element("th", name);
      if (unit) cell.append(element("span", unit, {class: "unit"}));
      head.append(cell);
    }
    const body = table.createTBody();
    for (const one of peaks.slice(0, MOST)) {
      const row = body.insertRow();
      row.insertCell().append(this.#foldButton(one));
      for (const words of [text(one.period_s, 6), text(one.power, 3), text(one.false_alarm_probability, 3), one.note]) {
        row.insertCell().textContent = words;
      }
    }
    const box = element("div", "", {class: "scroll"});
    box.append(table);
    this.list.append(box);
  }

  #foldButton({period_s: period}) {
    const label = `Fold with a period of ${text(period, 6)} s`;
    const button = element("button", "Fold", {type: "button", class: "plain", "aria-label": label});
    button.addEventListener("click", () => this.fold(period));
    return button;
  }
}
