"use strict";
// What a network's layers say of their sizes, followed from its input: a file may say anything.
zoo.Misfit = class extends Error {};

// The shape that each layer gives; raises Misfit where one does not fit what comes in or what it stores.
zoo.shapes = function (network) {
  const { stored, input, pad, mean } = network;
  const room = stored.slice(1).map((side) => side + 2 * pad);
  if (!input.slice(1).every((side, n) => side >= 1 && side <= room[n])) {
    throw new zoo.Misfit(`its input is ${input.slice(1).join(" × ")} and its images are ${room.join(" × ")}`);
  }
  // The mean image is that of images as they are stored.
  if (mean && (pad || String(mean.shape) !== String(stored))) throw new zoo.Misfit("its mean image has another size than its images");
  let shape = input;
  const given = network.layers.map(function (layer) {
    const came = shape;
    const { gives, ...numbers } = zoo._sizes[layer.type](layer, came) || {};
    const fits = gives && gives.every((side) => Number.isInteger(side) && side >= 1)
      && Object.entries(numbers).every(([key, sides]) => zoo._has(layer[key], sides));
    if (!fits) throw new zoo.Misfit(`the sizes of its layer ${layer.name} do not fit the ${came.join(" × ")} numbers that come in`);
    shape = gives;
    return gives;
  });
  const classes = network.classes.length;
  if (String(shape) !== String(classes)) throw new zoo.Misfit(`its last layer gives ${shape.join(" × ")} numbers for ${classes} classes`);
  return given;
};

// Whether stored numbers have this shape, and those in 8 bits a scale for each of its first index.
zoo._has = (said, sides) => String(said.shape) === String(sides)
  && (said.kind !== "i8" || String(said.scale.shape) === String(sides[0]));

// What a layer gives and what it must store, by the shape that comes in; nothing where it takes no such shape.
zoo._sizes = (function () {
  const same = (layer, came) => ({ gives: came });
  const ofMaps = (sizes) => (layer, came) => (came.length === 3 ? sizes(layer, came) : null);
  const ofUnits = (sizes) => (layer, came) => (came.length === 1 ? sizes(layer, came[0]) : null);
  const moved = (layer, side) => (layer.size >= 1 && layer.size <= side && layer.stride >= 1 ? zoo._moved(side, layer) : 0);
  const pooled = ofMaps((layer, [maps, height, width]) => ({ gives: [maps, moved(layer, height), moved(layer, width)] }));
  const factors = ofMaps((layer, came) => ({ gives: came, weight: [came[0]], bias: [came[0]] }));

  return {
    ReLU: same, ScaledTanh: same, Negative: same, UnscaledDropout: same, SameMapNorm: ofMaps(same),
    MaxPool2d: pooled, AvgPool2d: pooled, BatchNorm2d: factors,

    Flatten: (layer, came) => ({ gives: [came.reduce((a, b) => a * b, 1)] }),

    Linear: ofUnits(function (layer, units) {
      const [outputs] = layer.weight.shape;
      return { gives: [outputs], weight: [outputs, units], bias: [outputs] };
    }),

    RBF: ofUnits(function (layer, units) {
      const [classes] = layer.codes.shape;
      return { gives: [classes], codes: [classes, units] };
    }),

    Conv2d: ofMaps(function (layer, [maps, height, width]) {
      const [outputs, , size] = layer.weight.shape, more = 2 * layer.pad - size + 1, { groups } = layer;
      if (!(groups >= 1 && outputs % groups === 0)) return null;
      return { gives: [outputs, height + more, width + more], weight: [outputs, maps / groups, size, size], bias: [outputs] };
    }),

    TableConv2d: ofMaps(function (layer, [maps, height, width]) {
      const [, size] = layer.weight.shape, inputs = 1 + Math.max(...layer.pairs.map((pair) => pair[1]));
      if (inputs !== maps || !layer.pairs.every((pair) => pair.length === 2 && pair[0] < layer.maps)) return null;
      return { gives: [layer.maps, height - size + 1, width - size + 1], weight: [layer.pairs.length, size, size], bias: [layer.maps] };
    }),

    Local2d: ofMaps(function (layer, [maps, height, width]) {
      const [, , outputs, , size] = layer.weight.shape, more = 2 * layer.pad - size + 1;
      const [rows, columns] = [height + more, width + more];
      return { gives: [outputs, rows, columns], weight: [rows, columns, outputs, maps, size, size], bias: [outputs, rows, columns] };
    }),

    Subsampling: ofMaps(function (layer, [maps, height, width]) {
      return { gives: [maps, Math.floor(height / 2), Math.floor(width / 2)], weight: [maps], bias: [maps] };
    }),

    ResponseNorm: ofMaps((layer, came) => (layer.groups >= 1 && came[0] % layer.groups === 0 ? { gives: came } : null)),
  };
})();
