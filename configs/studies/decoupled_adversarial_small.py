"""Adversarial training of decoupled operators, small: 20 classes, thin CNN-9.

Run: python tools/study.py configs/studies/decoupled_adversarial_small.py
         --cfg-options data.root=DIR
    For DIR see decoupled_cifar100_small.py. To attack a trained network:
    python tools/robustness.py STUDY/configs/tanh_fgsm_seed0.py STUDY/tanh_fgsm/seed0/best_*
Cost: 36 runs of CNN-9 with 16 to 32 channels, 500 iterations of 32 images each. On one
    CPU core half a minute per run, 1.5 times as much with FGSM, 6 times with PGD.
Half of each batch is attacked, with eps 8/255. Variants without an attack in their name
are trained as in decoupled_cifar100_small.py.
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
