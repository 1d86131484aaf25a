// The pair and the way of the packets through it.

import { bits, byId, count, draw, dress, each, make, page, plural, redraw, say, sign } from "./draw.js";

const STATES = {
  active: ["up", "is-ready", "active"],
  ready: ["ready", "is-ready", "standby, ready"],
  not_ready: ["suspect", "is-suspect", "standby, not ready"],
  silent: ["silent", "is-silent", "silent"],
};

function machine(one) {
  const [shape, dressed, word] = STATES[one.state];
  const box = make("article", { class: "machine " + one.state, "data-machine": one.name, "data-state": one.state });
  const head = make("header", {}, make("h3", {}, one.name));
  if (one.own) head.append(make("span", { class: "here" }, "this machine"));
  head.append(make("span", { class: "state " + dressed }, sign(shape), word));
  const facts = make("dl");
  const fact = (name, value) => facts.append(make("dt", {}, name), make("dd", {}, value));
  if (one.addresses.length > 0) fact("addresses", one.addresses.join(" · "));
  const asked = one.reach.filter(([, all]) => all > 0);
  if (asked.length > 0) fact("next hops", one.reach.map(([answer, all]) => `${answer} of ${all}`).join(" · "));
  if (one.term > 0) fact("term", String(one.term));
  box.append(head, facts);
  if (one.notes.length > 0) box.append(make("ul", { class: "notes" }, ...one.notes.map((note) => make("li", {}, note))));
  return box;
}

function between() {
  const { paths, sync } = page.pair;
  const down = paths.filter((path) => !path.up);
  const box = make("div", { class: down.length === paths.length ? "between broken" : "between" });
  const paired = make("p", { class: down.length === 0 ? "is-ready" : "is-down" }, sign(down.length === 0 ? "up" : "down"),
    `${paths.length - down.length} of ${plural(paths.length, "path")}`);
  const well = sync.direction !== "down" && sync.words === "in sync";
  const way = { sending: "sending, ", receiving: "receiving, ", down: "sync: " }[sync.direction];
  const synced = make("p", { class: well ? "is-ready" : "is-suspect" }, sign(well ? "up" : "suspect"), way + sync.words);
  box.append(paired, synced);
  if (down.length > 0) {
    const told = (path) => `${path.remote} to ${path.local}: ${path.trouble || "no heartbeat"}`;
    box.append(make("ul", {}, ...down.map((path) => make("li", {}, told(path)))));
  }
  return box;
}

function stops(id, side) {
  const addresses = side ? side.floating : [];
  redraw(byId(id), addresses, () => {
    const shown = addresses.slice(0, 4).map((address) => make("li", {}, address.replace(/\/\d+$/, "")));
    if (addresses.length > 4) shown.push(make("li", { class: "more" }, `${count(addresses.length - 4)} more`));
    return shown;
  });
}

export function drawWay() {
  const [publicSide, privateSide] = page.sides;
  for (const [name, side] of [["public", publicSide], ["private", privateSide]]) {
    say(byId(name + "-in"), side ? bits(side.bits_in) : "–");
    say(byId(name + "-out"), side ? bits(side.bits_out) : "–");
    const element = byId(name + "-link");
    dress(element, side && !side.up ? "link-state is-down" : "link-state");
    const lost = side && side.lost > 0 ? `, ${each(side.lost)} lost` : "";
    redraw(element, [side && side.link, side && side.up, lost], () => {
      if (!side) return ["nothing is known of the NIC"];
      return side.up ? [side.link + lost] : [sign("down"), side.link];
    });
  }
  stops("vips", publicSide);
  stops("gateways", privateSide);
  say(byId("client-connections"), count(page.now.connections));
  drawMachines();
}

function drawMachines() {
  redraw(byId("machines"), page.pair, () => {
    const { machines, sync } = page.pair;
    const boxes = machines.map(machine);
    if (sync) boxes.splice(1, 0, between());
    return boxes;
  });
  drawLines();
}

// The lines run from the stops of one side to each machine and on to those of the other.
export function drawLines() {
  const svg = byId("lines");
  const frame = svg.getBoundingClientRect();
  const boxes = [...document.querySelectorAll(".machine")];
  const ends = [byId("vips"), byId("gateways")];
  const upright = matchMedia("(max-width: 44rem)").matches;
  const places = [...ends, ...boxes].map((element) => {
    const box = element.getBoundingClientRect();
    return [box.left - frame.left, box.top - frame.top, box.width, box.height].map(Math.round);
  });
  redraw(svg, [places, upright, boxes.map((box) => box.dataset.state), page.sides.map((side) => side.up)], () => {
    const paths = [];
    boxes.forEach((box, index) => {
      const [x, y, width, height] = places[index + 2];
      const isActive = box.dataset.state === "active";
      ends.forEach((_, side) => {
        const [ex, ey, ewidth, eheight] = places[side];
        const from = upright
          ? [ex + ewidth / 2, side === 0 ? ey + eheight : ey]
          : [side === 0 ? ex + ewidth : ex, ey + eheight / 2];
        const to = upright
          ? [x + width / 2, side === 0 ? y : y + height]
          : [side === 0 ? x : x + width, y + height / 2];
        const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
        const curve = upright
          ? `M${from} C${from[0]},${middle[1]} ${to[0]},${middle[1]} ${to}`
          : `M${from} C${middle[0]},${from[1]} ${middle[0]},${to[1]} ${to}`;
        const isUp = !box.querySelector(".here") || !page.sides[side] || page.sides[side].up;
        const dressed = isActive ? (isUp ? "line active" : "line broken") : "line";
        paths.push([isActive, draw("path", { d: curve, class: dressed })]);
        if (isActive && isUp) {
          const back = upright
            ? `M${to} C${to[0]},${middle[1]} ${from[0]},${middle[1]} ${from}`
            : `M${to} C${middle[0]},${to[1]} ${middle[0]},${from[1]} ${from}`;
          paths.push([true, draw("path", { d: side === 0 ? curve : back, class: "pulse" })]);
        }
      });
    });
    // The active way lies on top.
    return paths.sort(([one], [other]) => one - other).map(([, path]) => path);
  });
}
