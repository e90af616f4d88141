"use strict";
// The first part: a digit is drawn, and the networks of MNIST answer while it is.
zoo.draw = (function () {
  const paper = zoo.byId("paper"), pen = paper.getContext("2d", { willReadFrequently: true });
  const SIDE = paper.width, WIDTH = 20, STEP = 8;
  const networks = zoo.networks.filter((network) => network.data === "MNIST");
  const lenets = [];
  const state = { digit: null, logits: {}, busy: false, again: false };
  const cards = {};
  // The ink alone; the cross that shows where the keyboard's pen is lies over it.
  const ink = document.createElement("canvas");
  ink.width = ink.height = SIDE;
  const inked = ink.getContext("2d", { willReadFrequently: true });
  let last = null, cross = null, down = false;

  function show() {
    pen.drawImage(ink, 0, 0);
    if (!cross) return;
    pen.strokeStyle = down ? "#ffb000" : "#8cc4ff";
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(cross.x - 9, cross.y);
    pen.lineTo(cross.x + 9, cross.y);
    pen.moveTo(cross.x, cross.y - 9);
    pen.lineTo(cross.x, cross.y + 9);
    pen.stroke();
  }

  function clear() {
    inked.fillStyle = "#000";
    inked.fillRect(0, 0, SIDE, SIDE);
    last = null;
    show();
    answer();
  }

  function line(from, to) {
    inked.strokeStyle = "#fff";
    inked.lineWidth = WIDTH;
    inked.lineCap = inked.lineJoin = "round";
    inked.beginPath();
    inked.moveTo(from.x, from.y);
    inked.lineTo(to.x, to.y);
    inked.stroke();
  }

  function place(event) {
    const box = paper.getBoundingClientRect();
    return { x: ((event.clientX - box.left) * SIDE) / box.width, y: ((event.clientY - box.top) * SIDE) / box.height };
  }

  paper.addEventListener("pointerdown", function (event) {
    paper.setPointerCapture(event.pointerId);
    cross = null;
    last = place(event);
    line(last, last);
    show();
    answer();
  });
  paper.addEventListener("pointermove", function (event) {
    if (!last) return;
    for (const one of event.getCoalescedEvents ? [...event.getCoalescedEvents(), event] : [event]) {
      const at = place(one);
      line(last, at);
      last = at;
    }
    show();
    answer();
  });
  for (const name of ["pointerup", "pointercancel"]) paper.addEventListener(name, () => { last = null; });

  paper.addEventListener("keydown", function (event) {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === "Delete" || event.key === "Backspace") {
      down = false;
      clear();
    } else if (event.key === " " || event.key === "Enter") {
      cross = cross || { x: SIDE / 2, y: SIDE / 4 };
      down = !down;
      if (down) line(cross, cross);
      zoo.say("digit-said", down ? "Pen down." : "Pen up.");
    } else if (moves[event.key]) {
      const from = cross || { x: SIDE / 2, y: SIDE / 4 };
      const [dx, dy] = moves[event.key];
      const inside = (value) => Math.min(Math.max(value, WIDTH), SIDE - WIDTH);
      cross = { x: inside(from.x + dx), y: inside(from.y + dy) };
      if (down) line(from, cross);
    } else {
      return;
    }
    event.preventDefault();
    show();
    if (down) answer();
  });
  paper.addEventListener("blur", function () {
    cross = null;
    down = false;
    show();
  });
  zoo.byId("clear").addEventListener("click", clear);

  // Strokes through points, of 100 a side.
  const arc = (x, y, rx, ry, from, to) => Array.from({ length: 25 }, function (_, n) {
    const angle = ((from + ((to - from) * n) / 24) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
  const EXAMPLES = [
    [arc(50, 50, 20, 32, -90, 270)],
    [[[40, 28], [53, 17], [50, 84]]],
    [[...arc(49, 34, 20, 17, -165, 45), [30, 82], [72, 81]]],
    [[...arc(48, 33, 18, 16, -160, 80), ...arc(47, 65, 22, 18, -80, 150)]],
    [[[40, 17], [28, 55], [74, 53]], [[62, 34], [57, 85]]],
    [[[68, 18], [38, 19], [34, 46], ...arc(48, 62, 21, 20, -120, 145)]],
    [[[60, 15], [42, 36], ...arc(49, 65, 17, 18, -170, 185)]],
    [[[28, 20], [71, 19], [45, 85]]],
    [[...arc(50, 33, 16, 16, 70, -290), ...arc(50, 67, 19, 18, -90, 270)]],
    [[...arc(49, 36, 18, 18, 0, -350), [66, 40], [58, 84]]],
  ];
  function example(digit) {
    clear();
    for (const stroke of EXAMPLES[digit]) {
      const points = stroke.map(([x, y]) => ({ x: (x * SIDE) / 100, y: (y * SIDE) / 100 }));
      for (let n = 1; n < points.length; n++) line(points[n - 1], points[n]);
    }
    show();
    answer();
  }
  EXAMPLES.forEach(function (_, digit) {
    const button = zoo.element("button", { type: "button", "aria-label": `Draw a ${digit}` }, String(digit));
    button.addEventListener("click", () => example(digit));
    zoo.byId("examples").append(button);
  });

  function card(network) {
    const answered = zoo.element("span", { class: "answer" }, "–");
    const columns = zoo.element("div", { class: "columns", role: "img", "aria-label": "no answer yet" });
    network.classes.forEach((name) => columns.append(zoo.element("span", null, zoo.element("i"), name)));
    cards[network.name] = { answered, columns };
    zoo.byId("digit-answers").append(
      zoo.element("li", { "data-name": network.name }, zoo.element("h3", null, network.title),
        zoo.element("p", { class: "facts" }, zoo.facts(network)), zoo.element("div", { class: "digit" }, answered, columns)));
  }

  // At half the size, which is more than a digit needs and a quarter of the work: the mean of four pixels each.
  function grey() {
    const pixels = inked.getImageData(0, 0, SIDE, SIDE).data, side = SIDE / 2, row = 4 * SIDE;
    const means = Uint8Array.from({ length: side * side }, function (_, n) {
      const at = 8 * (Math.floor(n / side) * SIDE + (n % side));
      return (pixels[at] + pixels[at + 4] + pixels[at + row] + pixels[at + row + 4] + 2) >> 2;
    });
    return zoo.paper.image(side, side, means);
  }

  // While one answer is worked out further strokes may come: they are looked at together, after it.
  async function answer() {
    if (state.busy) {
      state.again = true;
      return;
    }
    state.busy = true;
    do {
      state.again = false;
      await new Promise((resolve) => setTimeout(resolve));
      state.digit = zoo.paper.asMnist(grey());
      zoo.drawMaps(zoo.byId("seen"), { shape: [1, 28, 28], data: state.digit ? state.digit.data : new Uint8Array(784) },
        { across: 1, scale: 3, range: [0, 255] });
      state.logits = {};
      const guesses = [];
      for (const network of networks) {
        await zoo.load(network);
        const logits = state.digit ? zoo.logits(network, state.digit.data) : null;
        if (logits) state.logits[network.name] = Array.from(logits);
        guesses.push([network, fill(cards[network.name], network, logits)]);
      }
      await inside();
      const words = guesses.map(([network, guess]) => `${network.title} ${guess}`).join(", ");
      zoo.say("digit-said", state.digit ? summary(guesses) || words : "Nothing is drawn yet.");
    } while (state.again);
    state.busy = false;
  }

  function summary(guesses) {
    const first = guesses[0][1];
    if (guesses.every(([, guess]) => guess === first)) return `All networks read ${first}.`;
    const by = {};
    for (const [network, guess] of guesses) (by[guess] = by[guess] || []).push(network.title);
    return Object.entries(by).map(([guess, titles]) => `${guess}: ${titles.join("; ")}`).join(". ") + ".";
  }

  function fill(card, network, logits) {
    const probabilities = logits && zoo.softmax(logits), order = logits ? zoo.ranked(logits) : [];
    card.answered.textContent = probabilities ? network.classes[order[0]] : "–";
    [...card.columns.children].forEach(function (column, n) {
      column.className = n === order[0] ? "first" : "";
      column.firstChild.style.height = `${probabilities ? 75 * probabilities[n] : 0}%`;
    });
    card.columns.setAttribute("aria-label", probabilities
      ? order.slice(0, 3).map((n) => `${network.classes[n]}: ${zoo.percent(probabilities[n])}`).join(", ") : "no answer yet");
    return card.answered.textContent;
  }

  // LeNet-5's layers.
  const select = zoo.byId("lenet"), rows = {};
  function showInsideOf(network) {
    lenets.push(network);
    select.append(zoo.element("option", { value: network.name }, network.title));
    zoo.byId("lenet-inside").hidden = false;
  }
  zoo.byId("lenet-inside").hidden = true;
  networks.forEach(card);
  networks.filter((network) => network.layers.some((layer) => layer.type === "RBF")).forEach(showInsideOf);
  zoo.byId("draw").hidden = !networks.length;
  select.value = (lenets.find((network) => network.name === "lenet5/mnist") || lenets[0] || {}).name || "";
  select.addEventListener("change", inside);
  const CAPTIONS = {
    input: "Input, 32 × 32", c1_squash: "C1: 6 maps, 28 × 28", s2_squash: "S2: 6 maps, 14 × 14",
    c3_squash: "C3: 16 maps, 10 × 10", s4_squash: "S4: 16 maps, 5 × 5", c5_squash: "C5: 120 units",
    f6_squash: "F6: 84 units, as 7 × 12", logits: "Output: the bitmaps, as bright as they are likely",
  };
  const SHAPES = {
    c1_squash: "6,28,28", s2_squash: "6,14,14", c3_squash: "16,10,10", s4_squash: "16,5,5", c5_squash: "120,1,1", f6_squash: "84",
    logits: "10",
  };
  for (const [name, caption] of Object.entries(CAPTIONS)) {
    rows[name] = zoo.element("canvas", { "aria-hidden": "true" });
    zoo.byId("lenet-maps").append(zoo.figure(rows[name], caption));
  }

  async function inside() {
    const network = lenets.find((one) => one.name === select.value);
    if (!network) return;
    await zoo.load(network);
    const input = zoo.prepared(network, state.digit ? state.digit.data : new Uint8Array(28 * 28));
    const given = Object.fromEntries(zoo.run(network, input).map((layer) => [layer.name, layer]));
    const range = [-1.7159, 1.7159];
    zoo.drawMaps(rows.input, input, { across: 1, scale: 4, range: [-0.1, 1.175] });
    zoo.drawMaps(rows.c1_squash, given.c1_squash, { across: 3, scale: 3, range });
    zoo.drawMaps(rows.s2_squash, given.s2_squash, { across: 3, scale: 5, range });
    zoo.drawMaps(rows.c3_squash, given.c3_squash, { across: 8, scale: 4, range });
    zoo.drawMaps(rows.s4_squash, given.s4_squash, { across: 8, scale: 7, range });
    zoo.drawMaps(rows.c5_squash, { shape: [1, 8, 15], data: given.c5_squash.data }, { across: 1, scale: 12, range });
    zoo.drawMaps(rows.f6_squash, { shape: [1, 12, 7], data: given.f6_squash.data }, { across: 1, scale: 12, range });
    const probabilities = state.digit ? zoo.softmax(given.logits.data) : new Array(10).fill(0);
    const { codes } = network.layers.find((layer) => layer.type === "RBF");
    zoo.mosaic(rows.logits, 10, 12, 7, 10, 6, function (n, y, x) {
      const share = 0.3 + 0.7 * probabilities[n];
      return zoo.lit(codes.data[n * 84 + y * 7 + x] > 0 ? share : 0.06);
    });
  }

  // One more network, ``given`` what its layers give for an image.
  function add(network, given) {
    networks.push(network);
    card(network);
    zoo.byId("draw").hidden = false;
    const shapes = Object.fromEntries(given.map((layer) => [layer.name, String(layer.shape)]));
    if (String(network.input) === "1,32,32" && network.layers.some(({ type, name }) => type === "RBF" && shapes[name] === "10")
      && Object.entries(SHAPES).every(([name, shape]) => shapes[name] === shape)) showInsideOf(network);
    answer();
  }

  clear();
  return { state, grey, example, add };
})();
