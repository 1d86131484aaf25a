// What was: the last ten minutes by the second, and the last day by the minute.

import { bits, byId, draw, each, make, page, redraw, say, short } from "./draw.js";

const CHARTS = [
  { title: "Connections", traces: ["connections"], show: ([now]) => [short(now, "")] },
  { title: "Opened", traces: ["opened"], show: ([now]) => [each(now)] },
  { title: "From and to clients", traces: ["bits_in", "bits_out"], show: ([one, other]) => [bits(one) + " in", bits(other) + " out"] },
  { title: "Dropped", traces: ["dropped"], show: ([now]) => [each(now)], extra: "drops" },
];
let range = "seconds";

export function drawCharts() {
  if (!page.history) return;
  const holder = byId("charts");
  if (holder.children.length === 0) {
    for (const chart of CHARTS) {
      chart.values = make("p", { class: "value" });
      chart.svg = draw("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img" });
      chart.from = make("span");
      chart.top = make("span");
      chart.element = make("div", { class: "chart " + (chart.extra || "") }, make("h3", {}, chart.title), chart.values, chart.svg,
        make("p", { class: "axis" }, chart.from, chart.top, make("span", {}, "now")));
      holder.append(chart.element);
    }
  }
  const data = page.history[range];
  const [span, length, back] = range === "seconds" ? [600, 1, "10 min"] : [86400, 60, "24 h"];
  const end = page.now.at;
  for (const chart of CHARTS) {
    const values = chart.show(chart.traces.map((trace) => page.now[trace]));
    redraw(chart.values, values, () => values.map((value) => make("span", {}, value)));
    const most = Math.max(0, ...chart.traces.flatMap((trace) => data[trace]));
    const top = most > 0 ? most * 1.12 : 1;
    const shapes = [draw("path", { class: "base", d: "M0 100H600" })];
    chart.traces.forEach((trace, index) => {
      const lines = [];
      let before = null;
      data.at.forEach((at, place) => {
        const x = 600 * (1 - (end - at) / span);
        if (x < 0) return;
        const point = [x.toFixed(1), (100 - (100 * data[trace][place]) / top).toFixed(1)];
        // Where nothing was measured nothing is drawn.
        if (before === null || at - before > 3 * length) lines.push([]);
        lines[lines.length - 1].push(point);
        before = at;
      });
      const trail = lines.map((line) => "M" + line.map((point) => point.join(" ")).join("L")).join("");
      if (index === 0) {
        const areas = lines.map((line) => `M${line[0][0]} 100L${line.map((point) => point.join(" ")).join("L")}L${line[line.length - 1][0]} 100Z`);
        shapes.push(draw("path", { class: "area", d: areas.join("") }));
      }
      shapes.push(draw("path", { class: index === 0 ? "trace" : "trace second", d: trail }));
    });
    chart.svg.replaceChildren(...shapes);
    const unit = chart.traces[0].startsWith("bits") ? bits(most) : short(most, "");
    say(chart.from, "−" + back);
    say(chart.top, most > 0 ? "max " + unit : "");
    chart.svg.setAttribute("aria-label", `${chart.title} in the last ${back}: now ${values.join(", ")}, most ${unit}`);
  }
}

export function remember(sample) {
  if (!page.history) return;
  const keep = (data, most) => {
    for (const key of Object.keys(data)) {
      data[key].push(sample[key]);
      if (data[key].length > most) data[key].shift();
    }
  };
  const { seconds, minutes } = page.history;
  const last = (data) => data.at[data.at.length - 1] || 0;
  if (sample.at > last(seconds)) keep(seconds, 600);
  if (sample.at >= last(minutes) + 120) keep(minutes, 1440);
}

export function choose(chosen) {
  range = chosen;
  for (const name of ["seconds", "minutes"]) byId("range-" + name).setAttribute("aria-pressed", String(name === chosen));
  drawCharts();
}
