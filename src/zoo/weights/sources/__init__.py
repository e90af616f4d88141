"""Where trained weights come from: runs, pairs of file and card, torchvision, Caffe."""
