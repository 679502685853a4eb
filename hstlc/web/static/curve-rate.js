// The plot of the rate against time or phase.

import {dateTicks, secondTicks, timeAxis, toAxis, toSeconds} from "./curve-axis.js";
import {binLabel, columnsOf, flaggedStrips, foldedBins, placedBins, rateLimits, sums, visible} from "./curve-bins.js";
import {colors, makeFigure, show} from "./curve-look.js";

const STRIPS = {flagged: "flagged-strip", gap: "gap", selected: "selected", candidate: "candidate"};

/** One plot in one element; `draw` changes what it shows. */
export class RatePlot {
  #key = "";
  #quiet = false;

  /** `chosen(start, stop)` is called with seconds after the reference, `zoomed(limits or null)` likewise. */
  constructor(element, {chosen, zoomed}) {
    Object.assign(this, {element, chosen, zoomed});
  }

  /** Show an answer of the server.
   *
   * `how` has axis, scale, errors as the form has them, `candidates` (seconds), `selected` and `zoom` (seconds or
   * null).
   */
  async draw(answer, how) {
    Object.assign(this, {answer, how, look: colors()});
    this.folded = Boolean(answer.meta.fold);
    this.log = how.scale === "log";
    this.axis = this.folded ? null : timeAxis(answer.data);
    this.bins = this.folded ? foldedBins(answer.data) : placedBins(answer.data, this.axis);
    const key = [this.folded, this.log, how.axis, answer.meta.time, JSON.stringify(this.look)].join();
    if (key !== this.#key) {
      this.#key = key;
      await this.#build();
    }
    this.#quietly(() => this.#setLimits());
    this.#fill();
  }

  /** Mark another stretch of time, or none. */
  select(selected) {
    this.how = {...this.how, selected};
    this.#fillStrips();
  }

  /** Return the picture that is shown. */
  async picture() {
    return this.view.export("png").to_blob();
  }

  async #build() {
    const {look} = this;
    this.figure = makeFigure(look, {
      height: 380,
      tools: "",
      x_range: new Bokeh.Range1d({start: 0, end: 1}),
      y_range: new Bokeh.Range1d({start: this.log ? 0.1 : 0, end: 1}),
      y_axis_type: this.log ? "log" : "linear",
      x_axis_label: this.#timeLabel(),
      y_axis_label: "Rate (counts s⁻¹)",
      min_border_left: 66,
    });
    this.sources = Object.fromEntries(
      ["steps", "points", "bars", ...Object.keys(STRIPS)].map((name) => [name, new Bokeh.ColumnDataSource({data: {}})]),
    );
    this.#emptySources();
    this.#addGlyphs();
    this.#addTools();
    this.ticker = new Bokeh.FixedTicker({ticks: [], minor_ticks: []});
    if (!this.folded) {
      this.figure.xaxes[0].ticker = this.ticker;
      this.figure.xgrids[0].ticker = this.ticker;
    }
    this.figure.x_range.change.connect(() => this.#moved());
    this.view = await show(this.figure, this.element, this.view);
  }

  #emptySources() {
    const {sources} = this;
    for (const name of Object.keys(STRIPS)) sources[name].data = {x0: [], x1: []};
    sources.steps.data = {x: [], y: []};
    sources.bars.data = {x: [], low: [], high: [], color: []};
    const names = ["x", "y", "color", "fill", "marker", "when", "date", "value", "counts", "live"];
    sources.points.data = Object.fromEntries(names.map((name) => [name, []]));
  }

  #addGlyphs() {
    const {figure, sources, look} = this;
    for (const [name, color] of Object.entries(STRIPS)) {
      figure.vstrip({
        x0: {field: "x0"}, x1: {field: "x1"}, source: sources[name],
        fill_color: look[color], fill_alpha: 1, line_color: name === "selected" ? look.accent : null,
        line_alpha: name === "selected" ? 1 : 0,
      });
    }
    figure.line({x: {field: "x"}, y: {field: "y"}, source: sources.steps, line_color: look.quiet, line_alpha: 0.7});
    figure.segment({
      x0: {field: "x"}, x1: {field: "x"}, y0: {field: "low"}, y1: {field: "high"}, source: sources.bars,
      line_color: {field: "color"}, line_alpha: 0.55,
    });
    this.points = figure.scatter({
      x: {field: "x"}, y: {field: "y"}, source: sources.points, size: 5, marker: {field: "marker"},
      line_color: {field: "color"}, fill_color: {field: "fill"},
    });
  }

  #addTools() {
    const tooltips = [
      [this.folded ? "phase" : "time", "@when"],
      ...(this.folded ? [] : [["MJD", "@date"]]),
      ["rate (counts s⁻¹)", "@value"],
      ["counts", "@counts"],
      ["live", "@live"],
    ];
    const select = new Bokeh.BoxSelectTool({dimensions: "width", renderers: []});
    const tools = [
      ...(this.#selectable() ? [select] : []),
      new Bokeh.BoxZoomTool({dimensions: "auto"}),
      new Bokeh.PanTool({dimensions: "width"}),
      new Bokeh.WheelZoomTool({dimensions: "width"}),
      new Bokeh.ZoomInTool({dimensions: "width"}),
      new Bokeh.ZoomOutTool({dimensions: "width"}),
      new Bokeh.ResetTool(),
      new Bokeh.HoverTool({renderers: [this.points], tooltips, limit: 3}),
    ];
    this.figure.add_tools(...tools);
    this.figure.toolbar.active_drag = tools[0];
    this.figure.on_event("selectiongeometry", ({geometry, final}) => {
      if (final && geometry.type === "rect") this.#select(geometry.x0, geometry.x1);
    });
  }

  /** Times are chosen in UTC: what the barycenter sees has another clock. */
  #selectable() {
    return !this.folded && this.answer.meta.time === "utc";
  }

  #select(from, to) {
    const [low, high] = [Math.min(from, to), Math.max(from, to)].map((x) => toSeconds(this.axis, x));
    const found = sums(this.answer.data, low, high);
    if (found.bins) this.chosen(found.start, found.stop);
  }

  #timeLabel() {
    const {meta} = this.answer;
    if (this.folded) return "Phase (cycles)";
    if (this.how.axis === "mjd") {
      return meta.time === "tdb" ? "BJD − 2400000.5 (TDB)" : `Modified Julian date (${meta.reference_scale})`;
    }
    if (this.axis.several) return "Time since the start of dataset # (s)";
    if (meta.time === "tdb") return `Time after BJD ${shortDate(meta.reference_bjd_tdb)} TDB (s)`;
    return `Time after MJD ${shortDate(meta.reference_mjd)} ${meta.reference_scale} (s)`;
  }

  #setLimits() {
    const {figure, how} = this;
    const whole = this.folded ? [0, 2] : this.axis.limits;
    const shown = how.zoom && !this.folded ? how.zoom.map((one) => toAxis(this.axis, one)) : whole;
    const [start, end] = shown[1] > shown[0] ? shown : whole;
    figure.x_range.setv({start, end, reset_start: whole[0], reset_end: whole[1]});
    const [low, high] = rateLimits(this.bins, this.log);
    figure.y_range.setv({start: low, end: high, reset_start: low, reset_end: high});
    figure.xaxes[0].axis_label = this.#timeLabel();
  }

  #moved() {
    if (this.#quiet || this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.#fill();
      if (this.folded) return;
      const {start, end, reset_start: low, reset_end: high} = this.figure.x_range;
      const whole = start <= low && end >= high;
      this.zoomed(whole ? null : [start, end].map((x) => toSeconds(this.axis, x)));
    });
  }

  #fill() {
    const {bins, figure, look, log, how, folded} = this;
    const {start, end} = figure.x_range;
    const label = (i) => binLabel(bins, i, folded);
    const options = {log, errors: how.errors === "yes", look, floor: figure.y_range.start, label};
    const {columns, group} = columnsOf(bins, visible(bins, start, end), options);
    for (const [name, data] of Object.entries(columns)) this.sources[name].data = data;
    this.group = group;
    this.#fillStrips();
    if (!folded) this.#setTicks(start, end);
  }

  #fillStrips() {
    const {axis, how, bins, sources} = this;
    const placed = (list) => (axis ? list.map((pair) => pair.map((one) => toAxis(axis, one))) : []);
    const strips = {
      flagged: flaggedStrips(bins),
      gap: axis ? axis.gaps : [],
      candidate: this.#selectable() ? placed(how.candidates) : [],
      selected: this.#selectable() && how.selected ? placed([how.selected]) : [],
    };
    for (const [name, list] of Object.entries(strips)) {
      sources[name].data = {x0: list.map(([from]) => from), x1: list.map(([, to]) => to)};
    }
    this.strips = strips;
  }

  #setTicks(start, end) {
    const room = Math.max(2, Math.floor(this.element.clientWidth / (this.how.axis === "mjd" ? 105 : 75)));
    const make = this.how.axis === "mjd" ? dateTicks : secondTicks;
    const ticks = make(this.axis, start, end, Math.min(room, 12));
    this.figure.xaxes[0].major_label_overrides = new Map(ticks.map(({at, text}) => [at, text]));
    this.ticker.ticks = ticks.map(({at}) => at);
  }

  #quietly(change) {
    this.#quiet = true;
    change();
    this.#quiet = false;
  }
}

function shortDate(days) {
  return String(Number(days.toFixed(6)));
}
