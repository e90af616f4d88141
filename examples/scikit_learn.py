"""A network of zoo in scikit-learn's manner: fit, predict, score, in a pipeline and in cross-validation."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch.nn import functional as F

import zoo


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """Trains a network of zoo on arrays (N, C, H, W) by Adam on cross-entropy."""

    def __init__(self, name="mlp", epochs=10, lr=1e-3, batch_size=64, seed=0):
        self.name, self.epochs, self.lr, self.batch_size, self.seed = name, epochs, lr, batch_size, seed

    def fit(self, X, y):  # noqa: N803
        """Learns."""
        torch.manual_seed(self.seed)
        self.classes_, labels = np.unique(y, return_inverse=True)
        images, labels = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(labels)
        self.network_ = zoo.get_model(
            self.name, num_classes=len(self.classes_), in_channels=images.shape[1], input_size=images.shape[2]
        )
        optimizer = torch.optim.Adam(self.network_.parameters(), lr=self.lr)
        for _ in range(self.epochs):
            for batch in torch.randperm(len(labels)).split(self.batch_size):
                optimizer.zero_grad()
                F.cross_entropy(self.network_(images[batch]), labels[batch]).backward()
                optimizer.step()
        return self

    @torch.inference_mode()
    def predict_proba(self, X):  # noqa: N803
        """Probabilities (N, classes)."""
        return self.network_.eval()(torch.as_tensor(X, dtype=torch.float32)).softmax(1).numpy()

    def predict(self, X):  # noqa: N803
        """The likeliest classes."""
        return self.classes_[self.predict_proba(X).argmax(1)]


X, y = load_digits(return_X_y=True)
as_images = FunctionTransformer(lambda rows: rows.reshape(-1, 1, 8, 8) / 16)
scores = cross_val_score(make_pipeline(as_images, NetworkClassifier()), X, y, cv=3)
print(f"accuracy {scores.mean():.3f}")
