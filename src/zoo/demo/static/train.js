"use strict";
// The third part: ConvNetJS trains, as its CIFAR-10 page of 2014 did. The library comes as a script of its own.
zoo.training = (function () {
  if (!zoo.content.training) return null;
  const SIDE = 32, WINDOW = 200;
  const state = { net: null, trainer: null, running: false, seen: 0, added: [], loss: [], right: [], guessed: [], curve: [] };
  const LAYERS = [
    { type: "input", out_sx: SIDE, out_sy: SIDE, out_depth: 3 },
    { type: "conv", sx: 5, filters: 16, stride: 1, pad: 2, activation: "relu" },
    { type: "pool", sx: 2, stride: 2 },
    { type: "conv", sx: 5, filters: 20, stride: 1, pad: 2, activation: "relu" },
    { type: "pool", sx: 2, stride: 2 },
    { type: "conv", sx: 5, filters: 20, stride: 1, pad: 2, activation: "relu" },
    { type: "pool", sx: 2, stride: 2 },
    { type: "softmax", num_classes: 10 },
  ];
  const filters = zoo.element("canvas", { "aria-hidden": "true" }), maps = zoo.element("canvas", { "aria-hidden": "true" });
  let ready = null;

  function library() {
    ready = ready || zoo.script("convnet-min.js").then(anew);
    return ready;
  }

  function anew() {
    state.net = new convnetjs.Net();
    state.net.makeLayers(LAYERS);
    state.trainer = new convnetjs.SGDTrainer(state.net, { method: "adadelta", batch_size: 4, l2_decay: 0.0001 });
    Object.assign(state, { seen: 0, loss: [], right: [], guessed: [], curve: [] });
    zoo.byId("train-maps").replaceChildren(zoo.figure(filters, "First layer: 16 filters of 5 × 5"), zoo.figure(maps, "Its maps of the last image"));
    report();
  }

  const any = (images) => images[Math.floor(Math.random() * images.length)];
  const images = () => (state.added.length ? state.added : zoo.pictures ? zoo.pictures.train : []);

  // As the page of 2014 gave it: p / 255 - 0.5, shifted by up to two pixels and mirrored where "varied".
  function volume(image, varied) {
    const vol = new convnetjs.Vol(SIDE, SIDE, 3, 0);
    for (let c = 0; c < 3; c++) {
      for (let n = 0; n < SIDE * SIDE; n++) vol.w[n * 3 + c] = image.pixels[c * SIDE * SIDE + n] / 255 - 0.5;
    }
    if (!varied) return vol;
    const shift = () => Math.floor(Math.random() * 5 - 2);
    return convnetjs.augment(vol, SIDE, shift(), shift(), Math.random() < 0.5);
  }

  function push(list, value) {
    list.push(value);
    if (list.length > WINDOW) list.shift();
  }
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

  function step() {
    const image = any(images());
    const begun = performance.now();
    const done = state.trainer.train(volume(image, true), image.label);
    state.time = performance.now() - begun;
    push(state.loss, done.loss);
    push(state.right, state.net.getPrediction() === image.label ? 1 : 0);
    state.seen += 1;
    if (state.seen % 5 === 0 && zoo.pictures) {
      const test = any(zoo.pictures.test);
      state.net.forward(volume(test, false));
      push(state.guessed, state.net.getPrediction() === test.label ? 1 : 0);
    }
    if (state.seen % 20 === 0) state.curve.push([state.seen, mean(state.loss)]);
  }

  function loop() {
    if (!state.running) return;
    const end = performance.now() + 40;
    do step(); while (performance.now() < end);
    report();
    setTimeout(loop);
  }

  function report() {
    const share = (list) => (list.length ? zoo.percent(mean(list)) : "–");
    zoo.byId("n-seen").textContent = state.seen.toLocaleString("en");
    zoo.byId("n-loss").textContent = state.loss.length ? mean(state.loss).toFixed(3) : "–";
    zoo.byId("n-train").textContent = share(state.right);
    zoo.byId("n-test").textContent = share(state.guessed);
    zoo.byId("n-time").textContent = state.time ? state.time.toFixed(1) : "–";
    drawCurve();
    const layer = state.net.layers[1], data = new Float32Array(16 * 75);
    layer.filters.forEach(function (filter, n) {
      for (let place = 0; place < 25; place++) for (let c = 0; c < 3; c++) data[n * 75 + c * 25 + place] = filter.w[place * 3 + c];
    });
    zoo.drawFilters(filters, data, 16, 3, 5, 5, { across: 8, scale: 8 });
    const act = state.net.layers[2].out_act;
    if (!act) return;
    const given = new Float32Array(16 * SIDE * SIDE);
    for (let n = 0; n < SIDE * SIDE; n++) for (let m = 0; m < 16; m++) given[m * SIDE * SIDE + n] = act.w[n * 16 + m];
    zoo.drawMaps(maps, { shape: [16, SIDE, SIDE], data: given }, { across: 8, scale: 1.5 });
  }

  function drawCurve() {
    const canvas = zoo.byId("loss"), pen = canvas.getContext("2d"), { width, height } = canvas;
    const colours = getComputedStyle(document.documentElement);
    const most = Math.max(2.6, ...state.curve.map(([, loss]) => loss));
    const last = Math.max(1000, state.seen);
    const x = (seen) => 40 + ((width - 50) * seen) / last, y = (loss) => height - 25 - ((height - 35) * loss) / most;
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = colours.getPropertyValue("--quiet");
    pen.font = "13px system-ui, sans-serif";
    for (const loss of [0, 1, 2]) pen.fillText(String(loss), 20, y(loss) + 4);
    pen.fillText(last.toLocaleString("en"), x(last) - 45, height - 6);
    pen.strokeStyle = colours.getPropertyValue("--line");
    pen.setLineDash([5, 5]);
    pen.beginPath();
    pen.moveTo(x(0), y(Math.log(10)));
    pen.lineTo(x(last), y(Math.log(10)));
    pen.stroke();
    pen.setLineDash([]);
    pen.strokeStyle = colours.getPropertyValue("--accent");
    pen.lineWidth = 2;
    pen.beginPath();
    state.curve.forEach(([seen, loss], n) => (n ? pen.lineTo(x(seen), y(loss)) : pen.moveTo(x(seen), y(loss))));
    pen.stroke();
    canvas.setAttribute("aria-label", state.loss.length
      ? `Loss over images seen: ${mean(state.loss).toFixed(2)} after ${state.seen} images` : "Loss over images seen");
  }

  zoo.byId("start").addEventListener("click", async function () {
    await library();
    if (!images().length) {
      zoo.say("train-said", "There are no images to train on: add a file data_batch_1.bin of CIFAR-10.");
      return;
    }
    state.running = !state.running;
    zoo.byId("start").textContent = state.running ? "Pause" : "Go on";
    zoo.say("train-said", state.running ? `Training on ${images().length.toLocaleString("en")} images.` : "Paused.");
    loop();
  });
  zoo.byId("anew").addEventListener("click", async function () {
    await library();
    anew();
  });
  zoo.byId("save").addEventListener("click", async function () {
    await library();
    const address = URL.createObjectURL(new Blob([JSON.stringify(state.net.toJSON())], { type: "application/json" }));
    zoo.element("a", { href: address, download: "convnetjs.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    zoo.say("train-said", "Saved as convnetjs.json, which zoo classify reads.");
  });
  zoo.byId("batches").addEventListener("change", async function (event) {
    for (const file of event.target.files) {
      const bytes = new Uint8Array(await file.arrayBuffer()), one = 1 + 3 * SIDE * SIDE;
      if (!bytes.length || bytes.length % one) {
        zoo.say("train-said", `${file.name} is no batch of CIFAR-10's binary version: its images have ${one} bytes each.`);
        return;
      }
      for (let at = 0; at < bytes.length; at += one) state.added.push({ label: bytes[at] % 10, pixels: bytes.subarray(at + 1, at + one) });
    }
    zoo.say("train-said", `${state.added.length.toLocaleString("en")} images to train on.`);
  });
  return state;
})();
