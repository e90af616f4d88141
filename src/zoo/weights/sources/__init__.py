"""Where trained weights come from: runs, pairs of file and card, torchvision, Caffe, ConvNetJS, other PyTorch code."""
