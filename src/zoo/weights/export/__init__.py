"""Trained weights written for others: ONNX, torch.export, safetensors, Hugging Face, ConvNetJS, shipped pairs."""
