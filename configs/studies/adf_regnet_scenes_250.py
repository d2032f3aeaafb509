"""ADF and its controls on scenes with 250 training images per class, from random weights.

Run: python tools/study.py configs/studies/adf_regnet_scenes_250.py --cfg-options data.root=DIR
    For DIR see adf_regnet_scenes.py.
Cost: 20 runs of RegNetX-200MF, 100 epochs of 1,500 images; 7 to 22 minutes per run on one
    CPU core.
Networks and learning rate are those of adf_regnet_scenes.py. Of 60 and 100 epochs, 100 were
chosen for `single`, on images held out from training.
"""

_base_ = './adf_regnet_scenes.py'

variants = dict(inside=None)
seeds = (1, 2, 3, 4, 5)
data = dict(per_class=250)
options = {
    'param_scheduler.1.T_max': 98,
    'param_scheduler.1.end': 100,
    'train_cfg.max_epochs': 100,
    'train_cfg.val_interval': 5,
}
