from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from mmadf.engine.hooks.check_loss import CheckLossHook


@pytest.fixture
def runner(request):
    hub = MessageHub.get_instance(request.node.name)
    hub.update_info('last_ckpt', 'work/epoch_2.pth')
    return SimpleNamespace(iter=8, epoch=2, message_hub=hub)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_training_stops_at_the_first_bad_loss(value, runner):
    outputs = dict(loss=torch.tensor(value), semantic_loss=torch.tensor(0.5))
    match = (
        r'loss=(nan|inf), semantic_loss=0.5 at iteration 9 \(epoch 3\).*epoch_2\.pth'
    )
    with pytest.raises(FloatingPointError, match=match):
        CheckLossHook().after_train_iter(runner, 0, outputs=outputs)


@pytest.mark.filterwarnings('error')
def test_finite_losses_and_other_outputs_pass(runner):
    outputs = dict(
        loss=torch.ones((), requires_grad=True), accuracy=torch.tensor(float('nan'))
    )
    CheckLossHook().after_train_iter(runner, 0, outputs=outputs)
    CheckLossHook().after_train_iter(runner, 0)
