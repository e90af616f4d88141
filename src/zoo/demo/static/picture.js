"use strict";
// The second part: a picture is picked or dropped, and the networks of CIFAR-10 answer.
zoo.picture = (function () {
  const SIDE = 32, TOP = 5, MOST = 64;
  const networks = zoo.networks.filter((network) => network.data === "CIFAR10");
  const state = { pixels: null, name: "", logits: {}, done: false, turn: 0, look: 0 };
  const cards = {};

  function card(network) {
    zoo.byId("show").hidden = false;
    zoo.byId("classes").textContent = networks[0].classes.join(", ");
    const rows = zoo.element("div", { class: "rows" });
    cards[network.name] = rows;
    zoo.byId("picture-answers").append(zoo.element("li", { "data-name": network.name }, zoo.element("h3", null, network.title),
      zoo.element("p", { class: "facts" }, zoo.facts(network)), rows));
    zoo.byId("inside").append(zoo.element("option", { value: network.name }, network.title));
  }
  zoo.byId("show").hidden = true;
  networks.forEach(card);

  // Red, green and blue of 0..255 of any size, to 32 x 32, channels first: as zoo.weights.preprocessing.averaged.
  function averaged(rgba, width, height) {
    const short = Math.min(width, height), left = Math.floor((width - short) / 2), top = Math.floor((height - short) / 2);
    const square = new Uint8Array(short * short * 3);
    for (let y = 0, to = 0; y < short; y++) {
      for (let x = 0; x < short; x++, to += 3) {
        const from = 4 * ((y + top) * width + x + left);
        square[to] = rgba[from];
        square[to + 1] = rgba[from + 1];
        square[to + 2] = rgba[from + 2];
      }
    }
    const pixels = new Uint8Array(3 * SIDE * SIDE);
    if (short < SIDE) {
      for (let c = 0; c < 3; c++) {
        const channel = Float32Array.from({ length: short * short }, (_, n) => square[3 * n + c]);
        const large = zoo.paper.enlarged(zoo.paper.image(short, short, channel), SIDE, SIDE).data;
        large.forEach((value, n) => { pixels[c * SIDE * SIDE + n] = Math.floor(value + 0.5); });
      }
    } else {
      const means = zoo.paper.areaMeans(square, short, short, 3, SIDE, SIDE);
      means.forEach((value, n) => { pixels[(n % 3) * SIDE * SIDE + Math.floor(n / 3)] = zoo.paper.round(value); });
    }
    return pixels;
  }

  function drawn(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  async function loaded(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    return drawn(image);
  }

  async function take(file) {
    const address = URL.createObjectURL(file);
    try {
      const { data, width, height } = await loaded(address);
      await answer(averaged(data, width, height), file.name);
    } catch (error) {
      zoo.say("picture-said", `${file.name} is no picture that this browser can read: pick another.`);
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  zoo.byId("file").addEventListener("change", function (event) {
    const [file] = event.target.files;
    // So that the same file, changed, can be picked again.
    event.target.value = "";
    if (file) take(file);
  });
  const drop = zoo.byId("drop");
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, function (event) {
    event.preventDefault();
    drop.classList.add("over");
  });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", function (event) {
    event.preventDefault();
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });

  async function answer(pixels, name) {
    const turn = ++state.turn;
    Object.assign(state, { pixels, name, logits: {}, done: false });
    zoo.mosaic(zoo.byId("small"), 1, SIDE, SIDE, 1, 3, (n, y, x) => [0, 1, 2].map((c) => pixels[(c * SIDE + y) * SIDE + x]));
    zoo.say("picture-said", `${networks.length} networks look at ${name} …`);
    const firsts = [], wanted = () => turn === state.turn;
    // What is there is of the picture before.
    for (const rows of Object.values(cards)) rows.classList.add("waiting");
    for (const network of networks) {
      await zoo.load(network);
      // Answers are seen one by one, and where another picture was chosen no more are worked out.
      await new Promise((resolve) => setTimeout(resolve));
      const given = await zoo.runInTurns(network, zoo.prepared(network, pixels), wanted);
      if (!given) return;
      const logits = given[given.length - 1].data;
      state.logits[network.name] = Array.from(logits);
      const probabilities = zoo.softmax(logits), order = zoo.ranked(logits).slice(0, TOP);
      firsts.push(network.classes[order[0]]);
      cards[network.name].classList.remove("waiting");
      cards[network.name].replaceChildren(...order.map(function (n, rank) {
        const bar = zoo.element("i");
        bar.style.width = `${100 * probabilities[n]}%`;
        return zoo.element("div", rank ? null : { class: "first" }, zoo.element("span", null, network.classes[n]),
          zoo.element("span", null, bar), zoo.element("b", null, zoo.percent(probabilities[n])));
      }));
    }
    const votes = {};
    for (const guess of firsts) votes[guess] = (votes[guess] || 0) + 1;
    const [most, count] = Object.entries(votes).sort((a, b) => b[1] - a[1])[0];
    zoo.say("picture-said", `${count} of ${networks.length} networks see: ${most}.`);
    await inside();
    if (wanted()) state.done = true;
  }

  const select = zoo.byId("inside");
  const usual = networks.find((network) => network.name.startsWith("cuda_convnet-18pct")) || networks[networks.length - 1];
  if (usual) select.value = usual.name;
  select.addEventListener("change", inside);

  async function inside() {
    const network = networks.find((one) => one.name === select.value);
    if (!network) return;
    const look = ++state.look, { pixels } = state;
    await zoo.load(network);
    const layers = pixels ? await zoo.runInTurns(network, zoo.prepared(network, pixels), () => look === state.look) : [];
    // Another picture was chosen meanwhile, or another network.
    if (!layers || look !== state.look) return;
    const found = [], room = zoo.byId("picture-maps");
    const first = network.layers.find((layer) => layer.weight);
    const [filters, ...sides] = first ? first.weight.shape : [0];
    const [h, w] = sides.length === 3 ? sides.slice(1) : network.input.slice(1);
    // Somebody's own network may begin with what is no filter of images.
    if (first && first.weight.data.length === filters * network.input[0] * h * w) {
      const shown = Math.min(filters, 100), canvas = zoo.element("canvas", { "aria-hidden": "true" });
      zoo.drawFilters(canvas, first.weight.data, shown, network.input[0], h, w, { across: h > 8 ? 10 : 16, scale: h > 8 ? 2 : 5 });
      found.push(zoo.figure(canvas, `${first.name}: ${shown} ${h > 8 ? "templates" : "filters"} of ${w} × ${h}`));
    }
    for (const given of layers) {
      // These show the maps before them once more.
      if (given.shape.length !== 3 || given.type === "ReLU" || given.type === "BatchNorm2d") continue;
      const [maps, height] = given.shape, picture = zoo.element("canvas", { "aria-hidden": "true" });
      zoo.drawMaps(picture, given, { across: 8, scale: Math.max(1, Math.round(40 / height)), most: MOST });
      found.push(zoo.figure(picture, `${given.name}: ${maps > MOST ? `${MOST} of ` : ""}${maps} maps, ${given.shape[2]} × ${height}`));
    }
    room.replaceChildren(...found);
  }

  // CIFAR-10's own images, where the page has them: sheets of images in rows.
  async function cut(sheet, aRow) {
    const { data, width } = await loaded(sheet.png);
    return sheet.labels.map(function (label, n) {
      const top = Math.floor(n / aRow) * SIDE, left = (n % aRow) * SIDE, pixels = new Uint8Array(3 * SIDE * SIDE);
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) {
          for (let c = 0; c < 3; c++) pixels[(c * SIDE + y) * SIDE + x] = data[4 * ((top + y) * width + left + x) + c];
        }
      }
      return { pixels, label };
    });
  }
  zoo.picturesCame = async function (sheets) {
    zoo.pictures = { test: await cut(sheets.test, sheets.aRow), train: await cut(sheets.train, sheets.aRow) };
    zoo.byId("held").textContent = zoo.pictures.train.length;
    zoo.pictures.test.slice(0, 30).forEach(function ({ pixels, label }, number) {
      const name = `${networks[0] ? networks[0].classes[label] : "image"}, test image ${number + 1}`;
      const canvas = zoo.element("canvas");
      zoo.mosaic(canvas, 1, SIDE, SIDE, 1, 1, (n, y, x) => [0, 1, 2].map((c) => pixels[(c * SIDE + y) * SIDE + x]));
      canvas.removeAttribute("style");
      const button = zoo.element("button", { type: "button", "aria-label": name }, canvas);
      button.addEventListener("click", () => answer(pixels, name));
      zoo.byId("thumbs").append(button);
    });
  };
  if (zoo.content.pictures) zoo.script("pictures.js");
  if (networks.length) inside();

  function add(network) {
    networks.push(network);
    card(network);
    if (state.pixels) answer(state.pixels, state.name);
    else inside();
  }
  return { state, answer, averaged, add };
})();
