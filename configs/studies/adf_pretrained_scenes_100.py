"""The study adf_pretrained_scenes with 100 images per class, for 10 epochs.

Run: python tools/study.py configs/studies/adf_pretrained_scenes_100.py --cfg-options data.root=DIR
Cost: 36 runs of EfficientNet-Lite0, 10 epochs of 600 images; 2 to 5 minutes per run on
    one CPU core.
"""

_base_ = './adf_pretrained_scenes.py'

options = {
    'train_cfg.max_epochs': 10,
    'train_cfg.val_begin': 8,
    'train_cfg.val_interval': 2,
    'param_scheduler.0.end': 1,
    'param_scheduler.1.begin': 1,
    'param_scheduler.1.T_max': 9,
    'param_scheduler.1.end': 10,
}
data = dict(per_class=100)
