// Tables of many rows: sorted, filtered and shown a page at a time. The rows are JSON in the page; no library, no network.
"use strict";
(() => {
  const ROWS_A_PAGE = 50;
  const THUMBNAIL = { width: 160, height: 60 };
  const order = new Intl.Collator("en", { numeric: true });

  const missing = (value) => value === null || value === "";

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // "q=GJ-436&kind=composite" behind the # of the URL; a plus sign is a plus sign, as in names of targets.
  const fromHash = () => {
    const found = {};
    for (const part of location.hash.slice(1).split("&")) {
      const cut = part.indexOf("=");
      if (cut < 1) continue;
      try {
        found[part.slice(0, cut)] = decodeURIComponent(part.slice(cut + 1));
      } catch {
        found[part.slice(0, cut)] = part.slice(cut + 1);
      }
    }
    return found;
  };

  const formatted = (value, column) => {
    if (column.decimals !== undefined) return value.toFixed(column.decimals);
    if (column.digits !== undefined) return String(Number(value.toPrecision(column.digits)));
    return String(value);
  };

  class DataTable {
    constructor(box) {
      const source = JSON.parse(document.getElementById(box.dataset.source).textContent);
      this.box = box;
      this.columns = source.columns;
      this.values = source.values;
      this.search = source.search;
      this.stem = source.stem;
      this.kindOf = source.kind;
      this.sorted = Int32Array.from({ length: source.rows }, (_, row) => row);
      this.keys = new Map();
      this.sort = { column: -1, direction: 1 };
      this.page = 0;
      this.form = box.querySelector("form");
      this.body = box.querySelector("tbody");
      this.headers = [...box.querySelectorAll("thead th")];
      this.listen();
      this.readHash(true);
      box.hidden = false;
    }

    listen() {
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.addEventListener("input", () => this.filter());
      window.addEventListener("hashchange", () => this.readHash(false));
      this.headers.forEach((header, column) => {
        const button = header.querySelector("button");
        if (button) button.addEventListener("click", () => this.sortBy(column));
      });
      for (const button of this.box.querySelectorAll("[data-go]")) {
        button.addEventListener("click", () => this.turn(button.dataset.go));
      }
    }

    readHash(first) {
      const wanted = fromHash();
      const kind = this.form.elements.namedItem("kind");
      if (wanted.q !== undefined) this.form.elements.namedItem("q").value = wanted.q;
      if (kind && (first || wanted.q !== undefined || wanted.kind !== undefined)) {
        const kinds = [...kind.options].filter((option) => !option.disabled).map((option) => option.value);
        const opening = wanted.q === undefined && kind.options[1].disabled === false ? kind.options[1].value : "";
        kind.value = kinds.includes(wanted.kind) ? wanted.kind : opening;
      }
      this.filter();
    }

    value(name, row) {
      const values = this.values[name];
      const value = Array.isArray(values) ? values[row] : values.words[values.index[row]];
      if (!this.stem || typeof value !== "string" || !value.includes("\n") || name === this.stem) return value;
      return value.split("\n").join(this.value(this.stem, row).replace(/\.[^.]*$/, ""));
    }

    // One number a row that sorts as its value does; NaN for what is missing.
    sortKeys(column) {
      const known = this.keys.get(column);
      if (known) return known;
      const { key, kind } = this.columns[column];
      const rows = this.sorted.length;
      const keys = new Float64Array(rows);
      if (kind === "number" || kind === "links") {
        for (let row = 0; row < rows; row++) {
          const value = this.value(key, row);
          keys[row] = value === null ? NaN : kind === "links" ? value.length : value;
        }
      } else {
        const words = new Map();
        for (let row = 0; row < rows; row++) words.set(this.value(key, row), NaN);
        const present = [...words.keys()].filter((word) => !missing(word));
        present.sort(order.compare).forEach((word, rank) => words.set(word, rank));
        for (let row = 0; row < rows; row++) keys[row] = words.get(this.value(key, row));
      }
      this.keys.set(column, keys);
      return keys;
    }

    sortBy(column) {
      const direction = this.sort.column === column ? -this.sort.direction : 1;
      const keys = this.sortKeys(column);
      this.sort = { column, direction };
      this.sorted.sort((a, b) => {
        const noA = Number.isNaN(keys[a]);
        const noB = Number.isNaN(keys[b]);
        if (noA || noB) return noA - noB || a - b;
        return direction * (keys[a] - keys[b]) || a - b;
      });
      this.headers.forEach((header, index) => {
        if (!header.hasAttribute("aria-sort")) return;
        const state = direction > 0 ? "ascending" : "descending";
        header.setAttribute("aria-sort", index === column ? state : "none");
      });
      this.filter();
    }

    // Every word must occur in a row; a text in quotation marks must be all of one value.
    filter() {
      const text = this.form.elements.namedItem("q").value.trim().toLowerCase();
      const kind = this.form.elements.namedItem("kind");
      const exact = /^".+"$/.test(text) ? text.slice(1, -1) : "";
      const words = text.split(/\s+/).filter(Boolean);
      let rows = this.sorted;
      if (kind && kind.value) rows = rows.filter((row) => this.value(this.kindOf, row) === kind.value);
      if (exact) rows = rows.filter((row) => this.searched(row).includes(exact));
      else if (words.length) {
        rows = rows.filter((row) => {
          const line = this.searched(row).join("/");
          return words.every((word) => line.includes(word));
        });
      }
      this.rows = rows;
      this.page = 0;
      this.show();
    }

    searched(row) {
      this.lines ??= [];
      return (this.lines[row] ??= this.search.map((name) => String(this.value(name, row) ?? "").toLowerCase()));
    }

    get lastPage() {
      return Math.max(Math.ceil(this.rows.length / ROWS_A_PAGE) - 1, 0);
    }

    turn(where) {
      const pages = { first: 0, previous: this.page - 1, next: this.page + 1, last: this.lastPage };
      this.page = Math.min(Math.max(pages[where], 0), this.lastPage);
      this.show();
      this.box.scrollIntoView({ block: "start" });
    }

    show() {
      const first = this.page * ROWS_A_PAGE;
      const rows = this.rows.subarray(first, first + ROWS_A_PAGE);
      this.body.replaceChildren(...Array.from(rows, (row) => this.line(row)));
      const count = this.rows.length;
      const number = (value) => value.toLocaleString("en");
      const shown = count ? `${number(first + 1)}–${number(first + rows.length)} of ${number(count)}` : "0";
      const all = count < this.sorted.length ? `, from ${number(this.sorted.length)} in all` : "";
      this.box.querySelector(".count").textContent = `${shown} ${this.box.dataset.noun}${all}`;
      this.box.querySelector(".page").textContent = `Page ${number(this.page + 1)} of ${number(this.lastPage + 1)}`;
      this.box.querySelector(".none").hidden = count > 0;
      this.box.querySelector(".pages").hidden = this.lastPage === 0;
      for (const button of this.box.querySelectorAll("[data-go]")) {
        const back = button.dataset.go === "first" || button.dataset.go === "previous";
        button.disabled = this.page === (back ? 0 : this.lastPage);
      }
    }

    line(row) {
      const cells = this.columns.map((column, index) => {
        const cell = element(index ? "td" : "th", { className: column.kind });
        if (!index) cell.scope = "row";
        cell.append(...this.content(column, row));
        return cell;
      });
      return element("tr", {}, ...cells);
    }

    content(column, row) {
      const value = this.value(column.key, row);
      const href = column.link ? this.value(column.link, row) : "";
      const linked = (child) => [missing(href) ? child : element("a", { href }, child)];
      if (column.kind === "links") return value.flatMap(([text, url]) => [url ? element("a", { href: url }, text) : text, " "]);
      if (column.kind === "picture" && !missing(value)) {
        const alt = `Light curve of ${this.value(this.columns[0].key, row) || "an unnamed target"}`;
        return linked(element("img", { loading: "lazy", ...THUMBNAIL, alt, src: value }));
      }
      if (missing(value)) return missing(href) ? ["–"] : linked("open");
      return linked(column.kind === "number" ? formatted(value, column) : value);
    }
  }

  for (const box of document.querySelectorAll(".datatable")) new DataTable(box);
})();
