"""Networks from model folders: the same predictions."""

import numpy as np
import pytest
import torch
from mmpretrain import ImageClassificationInferencer
from torch.testing import assert_close

import mmadf
from tests.hub.conftest import CLASSES


def test_a_folder_gives_the_same_logits(network, folder):
    loaded = mmadf.from_pretrained(folder)
    images = torch.randn(2, 3, 32, 32)
    assert_close(loaded(images), network(images), rtol=0, atol=0)
    assert not loaded.training


def test_the_inferencer_predicts_with_the_preprocessing_of_the_folder(network, folder):
    image = np.random.default_rng(0).integers(0, 256, (36, 40, 3), dtype=np.uint8)
    loaded = mmadf.from_pretrained(str(folder))
    found = ImageClassificationInferencer(loaded)(image)[0]
    # BGR pixels, channels last -> the centre, RGB, (1, 3, 32, 32)
    centre = torch.from_numpy(image[2:34, 4:36, ::-1].copy()).permute(2, 0, 1)[None]
    normalised = network.data_preprocessor(dict(inputs=centre.flip(1)))['inputs']
    scores = network(normalised).softmax(1)[0].detach()
    assert_close(torch.from_numpy(found['pred_scores']), scores)
    assert found['pred_class'] == CLASSES[scores.argmax()]


def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub():
    with pytest.raises(FileNotFoundError, match="folder='/no/folder' does not exist;"):
        mmadf.from_pretrained('/no/folder')
