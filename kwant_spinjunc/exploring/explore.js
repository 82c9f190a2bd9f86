// The explorer's page: inputs on the left, what they do on the right. `ask(what, state)` brings numbers; nothing is
// computed here but pixels. Only the newest state is ever asked for: while one answer is on its way, later moves wait.
const SVG = "http://www.w3.org/2000/svg";
const COLORS = ["var(--a)", "var(--b)", "var(--c)", "var(--d)"];

function element(parent, tag, properties = {}, text = "") {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}

function shape(parent, tag, attributes, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}

function label(value) {
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return value;
  return Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : +value.toPrecision(4) + "";
}

// Curves over x: [{ name, y, color, dash, width }], y may have nulls.
function plot(figure, title, x, curves, mark) {
  figure.replaceChildren();
  element(figure, "figcaption", {}, title);
  const W = 330, H = 190, left = 46, right = 14, top = 6, bottom = 22;
  const svg = shape(figure, "svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
  const values = curves.flatMap((c) => c.y).filter((v) => typeof v === "number");
  if (!values.length) { element(figure, "p", {}, "nothing to show here"); return; }
  let low = Math.min(...values), high = Math.max(...values);
  if (high - low <= 1e-12 * Math.max(Math.abs(high), Math.abs(low))) { const pad = Math.abs(high) || 1; low -= pad / 10; high += pad / 10; }
  const x0 = x[0], x1 = x[x.length - 1] === x0 ? x0 + 1 : x[x.length - 1];
  const px = (v) => left + (W - left - right) * (v - x0) / (x1 - x0);
  const py = (v) => H - bottom - (H - top - bottom) * (v - low) / (high - low);
  shape(svg, "path", { class: "axis", d: `M${left} ${top}V${H - bottom}H${W - right}` });
  if (low < 0 && high > 0) shape(svg, "path", { class: "axis", d: `M${left} ${py(0)}H${W - right}` });
  const middle = Math.abs(low + high) < 1e-9 * (high - low) ? 0 : (low + high) / 2; // no digits of rounding
  for (const v of [low, middle, high]) shape(svg, "text", { x: left - 4, y: py(v) + 3, "text-anchor": "end" }, label(v));
  for (const v of [x0, (x0 + x1) / 2, x1]) shape(svg, "text", { x: px(v), y: H - 8, "text-anchor": "middle" }, label(v));
  if (mark !== undefined && mark >= x0 && mark <= x1) shape(svg, "path", { class: "axis", d: `M${px(mark)} ${top}V${H - bottom}` });
  for (const c of curves) {
    let d = "", pen = false;
    c.y.forEach((v, i) => { if (typeof v !== "number") { pen = false; return; } d += `${pen ? "L" : "M"}${px(x[i]).toFixed(1)} ${py(v).toFixed(1)}`; pen = true; });
    shape(svg, "path", { d, fill: "none", stroke: c.color, "stroke-width": c.width || 1.6, "stroke-dasharray": c.dash || "" });
    if (x.length === 1 && typeof c.y[0] === "number") shape(svg, "circle", { cx: px(x[0]), cy: py(c.y[0]), r: 3, fill: c.color });
  }
  const legend = element(figure, "div", { className: "legend" });
  for (const c of curves) { const s = element(legend, "span", {}, (c.dash ? "┄ " : "━ ") + c.name); s.style.color = c.color; }
}

function drawStack(figure, stack, energy) {
  figure.replaceChildren();
  element(figure, "figcaption", {}, "bands of the planes at Γ, majority and minority; arrows: m; line: energy");
  const W = 330, H = 190, top = 30, bottom = 8;
  const svg = shape(figure, "svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "stack" });
  const edges = stack.flatMap((p) => p.edges.flat());
  const low = Math.min(...edges, energy), high = Math.max(...edges, energy), w = W / stack.length;
  const py = (v) => H - bottom - (H - top - bottom) * (v - low) / (high - low || 1);
  stack.forEach((p, n) => {
    const spins = p.magnetic ? [0, 1] : [0];
    for (const s of spins) {
      const [a, b] = p.edges[s];
      shape(svg, "rect", { x: n * w + (spins.length > 1 ? s * w / 2 : 0) + .5, width: Math.max(w / spins.length - 1, .5), y: py(b), height: py(a) - py(b),
        fill: p.magnetic ? COLORS[s] : "var(--soft)", "fill-opacity": .4 });
    }
    if (p.magnetic) {
      const r = Math.min(w * .45, 12), cx = (n + .5) * w, dx = p.m[0] * r, dy = -p.m[2] * r;
      shape(svg, "path", { d: `M${cx - dx} ${15 - dy}L${cx + dx} ${15 + dy}`, stroke: "var(--ink)", "stroke-width": 1.4 });
      shape(svg, "circle", { cx: cx + dx, cy: 15 + dy, r: 2.2, fill: "var(--ink)" });
    }
  });
  shape(svg, "path", { d: `M0 ${py(energy)}H${W}`, stroke: "var(--ink)", "stroke-dasharray": "4 3" });
}

function drawMap(figure, map) {
  figure.replaceChildren();
  if (!map.c) { element(figure, "figcaption", {}, "transmission does not depend on k: the planes have no in-plane hopping"); return; }
  const most = Math.max(...map.T);
  element(figure, "figcaption", {}, `transmission over kx, kz from -π to π, at the junction's angle; brightest ${label(most)}`);
  const size = 128, canvas = element(figure, "canvas", { width: size, height: size });
  const context = canvas.getContext("2d"), image = context.createImageData(size, size), last = map.c.length - 1;
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
    const k = (n) => -Math.PI + 2 * Math.PI * (n + .5) / size;
    const at = (Math.cos(k(i)) + Math.cos(k(j)) + 2) / 4 * last, n = Math.min(Math.floor(at), last - 1), f = at - n;
    const v = most > 0 ? Math.sqrt((map.T[n] * (1 - f) + map.T[n + 1] * f) / most) : 0, o = 4 * (j * size + i);
    image.data[o] = 255 * v; image.data[o + 1] = 255 * v ** 2; image.data[o + 2] = 120 + 60 * v * (1 - v); image.data[o + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

export async function mount(root, ask) {
  root.classList.add("sj");
  const about = await ask("describe", {});
  element(root, "h1", {}, about.title);
  if (about.text) element(root, "p", {}, about.text);
  const columns = element(root, "div", { className: "columns" });
  const inputs = element(columns, "div"), shown = element(columns, "div");
  const state = { values: {}, mode: about.modes[0] };
  const error = element(shown, "div", { className: "error", id: "sj-error", hidden: true }); error.setAttribute("role", "alert");
  const live = element(shown, "div");
  const verdict = element(live, "p", { className: "verdict", id: "sj-verdict" });
  const numbers = element(live, "p", { id: "sj-numbers" });
  const bias = element(live, "p", { id: "sj-bias" });
  const plots = element(live, "div", { className: "plots" });
  const figures = Object.fromEntries(["stack", "T", "J", "torque", "map"].map((name) => [name, element(plots, "figure", { id: `sj-${name}` })]));
  const laws = element(element(live, "details"), "table"); laws.parentNode.prepend(Object.assign(document.createElement("summary"), { textContent: "every law" }));
  const button = element(live, "button", { id: "sj-code" }, "Python line and export block");
  const code = element(live, "pre", { id: "sj-export", hidden: true });

  const select = element(element(inputs, "p", {}, "k∥ "), "select", { id: "sj-mode" });
  for (const mode of about.modes) element(select, "option", { value: mode }, mode === "k" ? "kx, kz" : mode);
  select.onchange = () => { state.mode = select.value; hide(); move(); };
  const rows = {};
  for (const c of about.controls) {
    const row = rows[c.name] = element(inputs, "label", { className: "control" });
    element(row, "span", {}, c.label);
    const out = element(row, "output", {});
    const say = () => { out.textContent = c.kind === "bool" ? (state.values[c.name] ? "yes" : "no") : `${typeof state.values[c.name] === "number" ? +state.values[c.name].toPrecision(6) : state.values[c.name]}${c.unit ? " " + c.unit : ""}`; };
    let input;
    if (c.kind === "choice") {
      input = element(row, "select", {});
      for (const choice of c.choices) element(input, "option", { value: JSON.stringify(choice) }, String(choice));
      input.value = JSON.stringify(c.value);
    } else input = element(row, "input", c.kind === "bool" ? { type: "checkbox", checked: c.value } : { type: "range", min: c.low, max: c.high, step: c.step, value: c.value });
    input.dataset.name = c.name;
    state.values[c.name] = c.value;
    input.oninput = () => {
      state.values[c.name] = c.kind === "bool" ? input.checked : c.kind === "choice" ? JSON.parse(input.value) : +input.value;
      say(); move();
    };
    say();
  }
  const hide = () => { for (const name of ["kx", "kz"]) rows[name].style.display = state.mode === "k" ? "" : "none"; };
  hide();

  let busy = false, waiting = false, turn = 0;
  async function move() {
    if (busy) { waiting = true; return; }
    busy = true;
    const mine = ++turn, sent = JSON.parse(JSON.stringify(state));
    try { show(await ask("update", sent)); } catch (reason) { fail(`no answer: ${reason}`); }
    busy = false;
    if (waiting) { waiting = false; move(); return; }
    if (!sent.values.bias) { bias.textContent = ""; return; }
    bias.textContent = "finite bias: …";
    const found = await ask("bias", sent);
    if (mine !== turn || busy) return;
    bias.textContent = found.error ? found.error : `at V = ${label(found.bias)}: J = ${label(found.current)}, J_M left ${label(found.magnetization[0])}, right ${label(found.magnetization[1])}, ` +
      `damping-like left ${label(found.damping_like[0])}, right ${label(found.damping_like[1])}, field-like left ${label(found.field_like[0])}, right ${label(found.field_like[1])}`;
  }

  function fail(message) {
    error.textContent = message; error.hidden = false; live.classList.add("stale");
  }

  function show(found) {
    if (found.error) { fail(found.error); return; }
    error.hidden = true; live.classList.remove("stale"); code.hidden = true;
    verdict.textContent = found.summary;
    verdict.className = "verdict " + ({ use: "use", "use with care": "care", "do not use": "dont" }[found.verdict] || "");
    const nearest = found.angles.reduce((best, v, i) => Math.abs(v - found.angle) < Math.abs(found.angles[best] - found.angle) ? i : best, 0);
    numbers.replaceChildren("TMR (G_P - G_AP)/G_AP = ");
    element(numbers, "b", { id: "sj-tmr" }, label(found.tmr));
    numbers.append(`, G at ${label(found.angles[nearest])}° = ${label(found.conductance[nearest])} e²/h, `);
    element(numbers, "span", { id: "sj-time" }, `${found.milliseconds} ms`);
    drawStack(figures.stack, found.stack, found.energy);
    const curves = (group, dashed, wide) => Object.entries(group).map(([name, y], i) => ({ name, y, color: COLORS[i % 4], dash: dashed(name) ? "4 3" : "", width: wide(name) ? 4 : 1.6 })); // the wide one shows under its twin
    plot(figures.T, "T_ss' over the angle in degrees", found.angles, curves(found.transmissions, () => false, (name) => name === "+-"), found.angle);
    const J = Object.entries(found.currents).map(([name, y]) => ({ name, y, color: name.includes("(") ? "var(--ink)" : name.startsWith("left") ? COLORS[0] : COLORS[1], dash: name.includes("(3)") ? "5 4" : name.includes("(") ? "1.5 3" : "", width: name.includes("(") ? 1.2 : name.startsWith("left") ? 4.5 : 2 }));
    plot(figures.J, "J_M at unit bias in e²/h: exact, and (3), (4)", found.angles, J, found.angle);
    plot(figures.torque, "torques on both magnets at unit bias in e²/h", found.angles, curves(found.torques, (name) => name.startsWith("field"), (name) => name === "field-like left"), found.angle);
    drawMap(figures.map, found.map);
    laws.replaceChildren();
    for (const law of found.laws) { const row = element(laws, "tr"); for (const cell of law) element(row, "td", {}, cell); }
  }

  button.onclick = async () => {
    const found = await ask("export", JSON.parse(JSON.stringify(state)));
    code.hidden = false;
    code.textContent = found.error ? found.error : `${found.code}\n\n${found.caption}\n\n${found.block}`;
  };
  await move();
}
