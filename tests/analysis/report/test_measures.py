"""Numbers of a report, compared with those of scikit-learn and with counts by hand."""

import math

import pytest
import torch

from mmadf.analysis.report import measures

CLASSES = [f'class {index}' for index in range(8)]


@pytest.fixture
def scores():
    return torch.rand(300, 8).softmax(1)


@pytest.fixture
def labels():
    """True classes; there is no image of class 7."""
    return torch.randint(7, (300,))


@pytest.fixture
def sklearn():
    return pytest.importorskip('sklearn.metrics')


def test_topk_accuracy_by_readout(scores, labels, sklearn):
    readouts = dict(semantic=scores, sum=scores.flip(0))
    found = measures.topk_by_readout(readouts, labels, fused=True)
    assert list(found) == ['fused', 'sum of both']
    for row, values in zip(found.values(), readouts.values(), strict=True):
        for k in (1, 5):
            expected = sklearn.top_k_accuracy_score(
                labels, values, k=k, labels=range(8)
            )
            assert row[f'top-{k} (%)'] == pytest.approx(100 * expected)


def test_few_classes_have_no_top5_and_no_fusion_has_a_semantic_head():
    scores = dict(semantic=torch.eye(3))
    found = measures.topk_by_readout(scores, torch.tensor([0, 1, 1]), fused=False)
    assert found == {'semantic head': {'top-1 (%)': pytest.approx(200 / 3)}}


def test_confusion_matrix_has_true_classes_in_rows(scores, labels, sklearn):
    expected = sklearn.confusion_matrix(labels, scores.argmax(1), labels=range(8))
    assert measures.confusion_matrix(scores, labels).tolist() == expected.tolist()


def test_accuracy_and_precision_of_classes(scores, labels, sklearn):
    scores[:, 6] = 0  # never predicted
    found = measures.by_class(scores, labels, CLASSES)
    precision, recall, _, images = sklearn.precision_recall_fscore_support(
        labels, scores.argmax(1), labels=range(8), zero_division=math.nan
    )
    assert found[-1].name == 'class 7'  # without images, so unknown
    known = [row.accuracy for row in found[:-1]]
    assert known == sorted(known)
    for row in found:
        index = CLASSES.index(row.name)
        expected = (100 * recall[index], 100 * precision[index])
        assert row[3:] == pytest.approx(expected, nan_ok=True)
        assert row.images == images[index]
        right = (labels == index) & (scores.argmax(1) == index)
        assert row.correct == right.sum()


def test_most_confused_classes_by_hand():
    matrix = torch.tensor([[5, 3, 0], [1, 0, 3], [0, 0, 9]])
    found = measures.most_confused(matrix, 'abc')
    assert found == [('a', 'b', 3, 37.5), ('b', 'c', 3, 75), ('b', 'a', 1, 25)]
    assert measures.most_confused(matrix, 'abc', keep=1) == found[:1]
    assert measures.most_confused(matrix.diag().diag(), 'abc') == []
