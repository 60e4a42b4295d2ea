"""The classifier in the manner of scikit-learn."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from conftest import SMALL

import cnn


@pytest.fixture(scope="module")
def pictures(digits, test_digits):
    def arrays(data):
        return np.stack([np.asarray(data.image(i)) for i in range(len(data))]), data.labels

    return arrays(digits), arrays(test_digits)


def test_fit_predict_score(pictures):
    (x, y), (test_x, test_y) = pictures
    names = np.array([f"digit {i}" for i in range(10)])
    classifier = cnn.Classifier(SMALL, epochs=4, options={"learning_rate": 0.01})
    assert classifier.fit(x, names[y]) is classifier
    assert classifier.score(test_x, names[test_y]) > 0.85
    assert list(classifier.classes_) == list(names)
    probabilities = classifier.predict_proba(test_x)
    assert probabilities.shape == (300, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert np.array_equal(
        classifier.predict(test_x), names[probabilities.argmax(axis=1)])
    # The same as the model itself says.
    best = classifier.model_.recognise(test_x[0], top=1)[0]
    assert best.label == classifier.predict(test_x[:1])[0]
    assert abs(best.probability - probabilities[0].max()) < 1e-5
    again = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(again.predict_proba(test_x), probabilities)
    assert classifier.predict(test_x[:0]).shape == (0,)
    assert np.array_equal(classifier.predict(test_x[..., 0]), classifier.predict(test_x))
    with pytest.raises(TypeError, match="scales differ"):
        classifier.predict(test_x / 255)


def test_numbers_named_architectures_and_validation(pictures):
    (x, y), (test_x, test_y) = pictures
    classifier = cnn.Classifier("resnet_small", epochs=2, validation_fraction=0.1)
    classifier.fit(x / 16, y)
    assert "validation_accuracy" in classifier.history_["epochs"][0]
    assert classifier.score(test_x / 16, test_y) > 0.6


def test_a_network_that_ends_in_softmax_is_refused():
    graph = {"inputs": [{"name": "x", "shape": [4]}], "layers": [
        {"name": "y", "type": "linear", "out_features": 2}, {"name": "p", "type": "softmax"}]}
    with pytest.raises(cnn.InvalidArgumentError, match="logits"):
        cnn.Classifier(graph, epochs=1).fit(np.zeros((2, 4)), ["a", "b"])


def test_parameters_and_mistakes():
    classifier = cnn.Classifier(epochs=3)
    assert cnn.Classifier(**classifier.get_params()).get_params() == classifier.get_params()
    assert classifier.set_params(epochs=4).epochs == 4 and "epochs=4" in repr(classifier)
    with pytest.raises(ValueError, match="epoch"):
        classifier.set_params(epoch=4)
    with pytest.raises(ValueError, match="fit"):
        classifier.predict(np.zeros((1, 8, 8, 1)))
    with pytest.raises(ValueError):
        classifier.fit(np.zeros((3, 8, 8, 1)), [0, 1])
    with pytest.raises(cnn.UnknownNameError):
        cnn.Classifier(SMALL, options={"optimiser": "sgd"}).fit(np.zeros((2, 8, 8, 1)), [0, 1])


def test_model_selection_of_scikit_learn(pictures):
    selection = pytest.importorskip(
        "sklearn.model_selection", reason="scikit-learn is not installed")
    x, y = pictures[0]
    classifier = cnn.Classifier(SMALL, epochs=3, options={"learning_rate": 0.02})
    scores = selection.cross_val_score(classifier, x[:600], y[:600], cv=3)
    assert scores.shape == (3,) and scores.min() > 0.5
    search = selection.GridSearchCV(classifier, {"epochs": [1, 3]}, cv=2)
    search.fit(x[:300], y[:300])
    assert search.best_params_["epochs"] in (1, 3)
