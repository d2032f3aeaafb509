"""Decoupled operators trained adversarially, small: 20 classes, a quarter of the width.

Run: python tools/study.py configs/studies/decoupled_adversarial_small.py
         --cfg-options data.root=DIR
    DIR as in decoupled_cifar100_small.py. What is left under attack, of each run:
    python tools/robustness.py STUDY/configs/tanh_fgsm_seed0.py STUDY/tanh_fgsm/seed0/best_*
Cost: 12 runs of CNN-9 with 32 to 64 channels, 1,000 iterations of 64 images each. On one
    CPU core four minutes a run, half as much again with FGSM, six times as much with PGD.
Half of each batch is attacked, by up to 8/255.
"""

_base_ = './decoupled_cifar100_small.py'

variants = dict(
    _delete_=True,
    **{
        f'{operator}{attack}': dict(
            config=f'../decoupled/{operator}_cnn9_cifar10{attack}.py'
        )
        for attack in ('', '_fgsm', '_pgd')
        for operator in ('baseline', 'sphere', 'ball', 'tanh')
    },
)
options = {
    'model.backbone.channels': (32, 48, 64),
    'model.backbone.fc_channels': 64,
    'model.head.in_channels': 64,
    'train_dataloader.batch_size': 64,
    'train_cfg': dict(max_iters=1000, val_interval=250),
    'param_scheduler.milestones': [600, 850],
    'default_hooks.checkpoint.interval': 500,
}
seeds = (0,)
