// What is wrong, what was dropped, the workers, the events, and the versions.

import { byId, command, count, dress, each, make, page, redraw, say, short, sign, since } from "./draw.js";

export function drawVerdict() {
  const { state, troubles, summary, more } = page.verdict;
  const found = troubles.length + more;
  const titles = {
    well: "All is well.",
    degraded: found === 1 ? "One thing to look at." : count(found) + " things to look at.",
    broken: page.own.node + " cannot serve.",
  };
  say(byId("verdict"), titles[state]);
  dress(byId("verdict"), "is-" + state);
  say(byId("summary"), summary + (page.pair.last_change ? " since " + since(page.pair.last_change[0]) : "") + ".");
  document.title = { well: "", degraded: "▲ ", broken: "✕ " }[state] + page.own.node + " · Tandem";
  const list = byId("troubles");
  redraw(list, [troubles, more, state], () => {
    const lines = troubles.map((trouble) => make(
      "li", {},
      make("span", { class: trouble.state === "broken" ? "is-down" : "is-suspect" }, sign(trouble.state === "broken" ? "down" : "suspect")),
      make("span", {}, trouble.what),
      make("div", { class: "remedies" }, ...trouble.remedy.map((line) =>
        line.startsWith("# ") ? make("p", { class: "advice" }, line.slice(2)) : command(line)))));
    if (more > 0) lines.push(make("li", {}, make("span", {}), make("span", {}, `and ${count(more)} more`)));
    return lines;
  });
  list.hidden = found === 0;
}

export function drawDrops() {
  const { drops } = page;
  byId("no-drops").hidden = drops.length > 0;
  byId("drops").hidden = drops.length === 0;
  redraw(byId("drops").tBodies[0], drops, () => drops.map((drop) => make(
    "tr", { class: drop.rate > 0 ? "now" : "" },
    make("td", { class: "reason" }, drop.reason),
    make("td", { class: "number", "data-unit": "" }, each(drop.rate)),
    make("td", { class: "number", "data-unit": " in all" }, count(drop.packets)),
    make("td", {}, drop.meaning, make("span", { class: "remedy" }, drop.remedy)))));
}

export function drawWorkers() {
  const { workers, buffers } = page;
  byId("no-workers").hidden = workers.length > 0;
  byId("workers").hidden = workers.length === 0;
  redraw(byId("workers").tBodies[0], workers, () => workers.map((worker) => {
    const bar = make("span");
    bar.style.width = worker.busy / 10 + "%";
    return make("tr", {}, make("td", {}, String(worker.core)),
      make("td", {}, make("span", { class: "meter busy", "aria-hidden": "true" }, bar), (worker.busy / 10).toFixed(0) + " %"),
      make("td", { class: "number" }, `${count(worker.connections)} of ${short(worker.capacity, "")}`),
      make("td", { class: "number" }, short(worker.packets, "")), make("td", { class: "number" }, short(worker.dropped, "")));
  }));
  say(byId("buffers"), buffers.map((pool) => `${count(pool.in_use)} of ${count(pool.size)} packet buffers of ${pool.name === "main" ? "the main core" : "the workers"} in use`).join("; "));
}

const SEVERITIES = { info: ["ready", "is-ready", "information"], warning: ["suspect", "is-suspect", "warning"], alarm: ["down", "is-down", "alarm"] };

export function drawEvents() {
  const events = page.events || [];
  byId("events-section").hidden = events.length === 0;
  redraw(byId("events"), events, () => events.map((event) => {
    const at = new Date(event.at_millis);
    const [shape, dressed, word] = SEVERITIES[event.severity] || SEVERITIES.info;
    const isToday = at.toDateString() === new Date().toDateString();
    const time = isToday ? at.toLocaleTimeString([], { hour12: false }) : at.toLocaleDateString([], { month: "short", day: "numeric" }) + " " + at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
    const what = make("span", { class: "what" }, make("span", { class: dressed }, sign(shape, word)), make("span", {}, event.what));
    const told = make("div", {}, what);
    const by = [event.why, event.actor ? "by " + event.actor : null].filter(Boolean).join("; ");
    if (by) told.append(make("p", { class: "why" }, by));
    return make("li", {}, make("time", { datetime: at.toISOString(), title: at.toISOString() }, time), told);
  }));
}

export function drawAbout() {
  const { own } = page;
  say(byId("node"), own.node);
  const parts = [`Tandem ${own.version}`];
  if (own.dataplane) parts.push(`dataplane ${own.dataplane}, up ${since(own.started_at)}`);
  if (own.configuration) parts.push(`${own.configuration}, generation ${own.generation}, taken ${since(own.loaded_at)} ago`);
  say(byId("about"), parts.join(" · "));
}
