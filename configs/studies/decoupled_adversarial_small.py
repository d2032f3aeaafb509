"""Decoupled operators trained adversarially, small: 20 classes, thin CNN-9.

Run: python tools/study.py configs/studies/decoupled_adversarial_small.py
         --cfg-options data.root=DIR
    DIR as in decoupled_cifar100_small.py. What is left under attack, of each run:
    python tools/robustness.py STUDY/configs/tanh_fgsm_seed0.py STUDY/tanh_fgsm/seed0/best_*
Cost: 36 runs of CNN-9 with 16 to 32 channels, 500 iterations of 32 images each. On one
    CPU core half a minute a run, half as much again with FGSM, six times as much with PGD.
Half of each batch is attacked, by up to 8/255. What does not name an attack is trained as
in decoupled_cifar100_small.py.
"""

_base_ = './decoupled_cifar100_small.py'

_short_average = {'model.backbone.conv_cfg.decay': 0.9}

variants = dict(
    _delete_=True,
    **{
        f'{operator}{attack}': dict(
            config=f'../decoupled/{operator}_cnn9_cifar10{attack}.py',
            options={} if operator == 'baseline' else _short_average,
        )
        for attack in ('', '_fgsm', '_pgd')
        for operator in ('baseline', 'sphere', 'ball', 'tanh')
    },
)
