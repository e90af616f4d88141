"use strict";
// A network of somebody's own, from a file of zoo export --format page: read as JSON, tried, and added to its part.
(function () {
  const STORED = { MNIST: "1,28,28", CIFAR10: "3,32,32" }, MOST_BYTES = 100e6;
  const isText = (value) => typeof value === "string" && value.length > 0 && value.length < 1000;
  const isCount = (value) => Number.isInteger(value) && value >= 0 && value <= 1000;
  const isMissing = (value) => value === null || value === undefined;

  function check(holds) {
    if (!holds) throw new Error("no network of zoo export --format page");
  }

  // Only what the page uses: a script, say, that a file names is none of it.
  function described(said) {
    const network = {};
    for (const key of ["name", "data", "title", "year", "classes", "bits", "error", "protocol", "stored", "pad", "input", "factor",
      "offset", "mean", "layers"]) network[key] = said[key];
    // Names are keys of objects, which have some from the beginning.
    check(isText(network.name) && !(network.name in {}) && isText(network.title) && Object.hasOwn(STORED, network.data));
    check(isMissing(network.year) || Number.isInteger(network.year));
    check(Number.isFinite(network.bits));
    check(isMissing(network.error) || (Number.isFinite(network.error) && isText(network.protocol)));
    check(network.classes.length > 1 && network.classes.every(isText));
    check(String(network.stored) === STORED[network.data] && isCount(network.pad));
    check(network.input.length === 3 && network.input.every(isCount) && network.input[0] === network.stored[0]);
    for (const key of ["factor", "offset"]) check(network[key].length === network.input[0] && network[key].every(Number.isFinite));
    for (const layer of network.layers) {
      check(isText(layer.name) && (Object.hasOwn(zoo.layers, layer.type) || layer.type === "TableConv2d"));
      for (const key of ["pad", "size", "stride", "groups", "maps"]) check(!(key in layer) || isCount(layer[key]));
      check(!layer.pairs || layer.pairs.every((pair) => pair.every(isCount)));
    }
    return network;
  }

  // The network with its numbers, and what its layers give for a grey image.
  async function read(file) {
    check(file.size <= MOST_BYTES);
    const { network: said, numbers } = JSON.parse(await file.text());
    const network = described(said);
    zoo.shapes(network);
    await zoo._filled(network, await zoo._inflated(numbers));
    const grey = zoo.prepared(network, new Uint8Array(3 * 32 * 32).fill(100));
    const given = await zoo.runInTurns(network, grey, () => true);
    const logits = given[given.length - 1].data;
    check(logits.length === network.classes.length && logits.every(Number.isFinite));
    return { network, given };
  }

  async function take(file) {
    let found;
    try {
      found = await read(file);
    } catch (error) {
      zoo.say("add-said", error instanceof zoo.Misfit ? `${file.name} cannot be computed: ${error.message}. Pick another.`
        : `${file.name} is not a whole file of zoo export --format page: pick another.`);
      return;
    }
    const { network, given } = found;
    if (zoo.networks.some((one) => one.name === network.name)) {
      zoo.say("add-said", `${network.name} is in this page already: pick another network.`);
      return;
    }
    zoo._waiting[network.name] = Promise.resolve(network);
    zoo.networks.push(network);
    const [part, heading, room] = network.data === "MNIST" ? ["digits", "draw-title", zoo.draw] : ["photos", "show-title", zoo.picture];
    zoo.content[part] = true;
    zoo.showParts();
    room.add(network, given);
    zoo.say("add-said", `${network.title} answers beside the others now, under “${zoo.byId(heading).textContent}”.`);
  }

  zoo.byId("network").addEventListener("change", function (event) {
    const [file] = event.target.files;
    // So that the same file, changed, can be picked again.
    event.target.value = "";
    if (file) take(file);
  });
})();
