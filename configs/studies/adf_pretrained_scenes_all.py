"""ADF and its controls from ImageNet weights: fine-tuning with all training images.

Run: python tools/study.py configs/studies/adf_pretrained_scenes_all.py --jobs 2
         --cfg-options data.root=DIR
    For DIR and the weights see adf_pretrained_scenes.py.
Cost: 20 runs of EfficientNet-Lite0, 5 epochs of 6,270 images; 7 to 18 minutes per run on one
    CPU core.
Networks and learning rate are those of adf_pretrained_scenes.py. The number of epochs was
chosen for `single`, on 1,320 held-out training images.
"""

_base_ = './adf_pretrained_scenes_100.py'

seeds = (1, 2, 3, 4, 5)
data = dict(
    _delete_=True, root='data/scenes', train='train', test='test', val_fraction=0.05
)
options = {
    'train_cfg': dict(max_epochs=5, val_begin=4, val_interval=1),
    'param_scheduler.0.end': 1,
    'param_scheduler.1': dict(begin=1, end=5, T_max=4),
}
