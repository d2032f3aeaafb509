"""Convert ImageNet-1k to the layout of MMPretrain's ImageNet dataset.

Download imagenet-object-localization-challenge.zip from
https://www.kaggle.com/c/imagenet-object-localization-challenge/data (1,281,167 training
and 50,000 validation images; the test images have no labels and are not used). As in
MMPretrain's configs, the published validation set serves for validation and test, and
no training images are held out. The converter has not been run on the full archive.

Run: python tools/dataset_converters/imagenet.py ARCHIVE.zip data/imagenet
"""

from mmadf.data_prep import IMAGENET, run_converter

if __name__ == '__main__':
    run_converter(IMAGENET, __doc__, val_fraction=0.0)
