// What the plot says in words: legend, table of bins, settings.

import {element, text} from "./curve-look.js";

const MOST_ROWS = 100;

/** Write the legend: what is drawn, and nothing else. */
export function showLegend(list, plot, answer) {
  const {strips, bins, axis, log, group} = plot;
  const several = axis?.several;
  const entries = [
    [group > 1 ? "bar" : "bin odd", several ? "bins of datasets 1, 3, …" : group > 1 ? "span of a group of bins" : "bin"],
    several && ["bin even", "bins of datasets 2, 4, …"],
    strips.flagged.length && ["bin hollow", `flagged bin: ${flags(answer)}`],
    strips.flagged.length && ["strip flagged", "time of flagged bins"],
    strips.gap.length && ["strip gap", "gap, shown shorter than it is"],
    strips.candidate.length && ["strip candidate", "flare or dip"],
    strips.selected.length && ["strip selected", "selected time"],
    log && Array.from(bins.y).some((one) => one <= 0) && ["bin limit", "upper limit, where the rate is not above zero"],
  ].filter(Boolean);
  list.replaceChildren(...entries.map(([style, words]) => {
    const item = element("li");
    item.append(element("span", "", {class: `curve-mark ${style}`, "aria-hidden": "true"}), words);
    return item;
  }));
}

/** Return what the quality bits say that any bin has. */
function flags({data, meta}) {
  const any = data.quality.reduce((bits, one) => bits | one, 0);
  const found = (meta.quality_bits ?? []).filter(({bit}) => any & bit).map(({doc}) => doc);
  return found.join("; ") || "quality is not 0";
}

/** Write the table of the bins that are shown: the first hundred. */
export function showBins(place, {columns, data}) {
  const names = Object.keys(columns);
  const count = data[names[0]].length;
  const table = element("table");
  const rows = Math.min(count, MOST_ROWS);
  const rest = count > rows ? `; the downloads have all ${text(count)}` : "";
  table.append(element("caption", `The first ${text(rows)} bins${rest}`));
  const head = table.createTHead().insertRow();
  for (const name of names) {
    const cell = element("th", name, {class: "number", title: columns[name].doc, scope: "col"});
    if (columns[name].unit) cell.append(element("span", columns[name].unit, {class: "unit"}));
    head.append(cell);
  }
  const body = table.createTBody();
  for (let i = 0; i < rows; i++) {
    const row = body.insertRow();
    for (const name of names) {
      const cell = row.insertCell();
      cell.className = "number";
      cell.textContent = text(data[name][i], columns[name].unit === "d" ? 12 : 7);
    }
  }
  place.replaceChildren(table);
}

/** Write settings and versions as a list of names and values. */
export function showSettings(place, {settings, versions}) {
  const list = element("dl", "", {class: "facts"});
  for (const [name, one] of [...flat(versions ?? {}), ...flat(settings ?? {})]) {
    list.append(element("dt", name), element("dd", one));
  }
  place.replaceChildren(list);
}

function flat(value, before = "") {
  if (value === null || typeof value !== "object") return [[before, value === null ? "none" : String(value)]];
  if (Array.isArray(value)) return [[before, value.map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", ")]];
  return Object.entries(value).flatMap(([name, one]) => flat(one, before ? `${before}.${name}` : name));
}
