"""ADF and its controls from ImageNet weights: fine-tuning with 100 images per class.

Run: python tools/study.py configs/studies/adf_pretrained_scenes_100.py --cfg-options data.root=DIR
    For DIR and the weights see adf_pretrained_scenes.py.
Cost: 20 runs of EfficientNet-Lite0, 20 epochs of 600 images; 2 to 8 minutes per run on one
    CPU core.
Networks, learning rate and number of epochs are those of adf_pretrained_scenes.py, which were
chosen with 20 images per class.
"""

_base_ = './adf_pretrained_scenes.py'

variants = dict(ensemble=None, inside=None)
seeds = (1, 2, 3, 4, 5)
data = dict(per_class=100)
