"""Sub-ImageNet-70 as an image folder: 70 classes of ImageNet, chosen by the authors.

Download https://www.kaggle.com/mohammadrahimzadeh/imagenet-70classes (archive.zip,
31,500 training and 3,500 test images). The tables train.csv and test.csv in it say
which image belongs where, so that no list of classes is needed.

Run: python tools/dataset_converters/subimagenet70.py archive.zip data/subimagenet70
"""

from mmadf.data_prep import SUBIMAGENET70, run_converter

if __name__ == '__main__':
    run_converter(SUBIMAGENET70, __doc__)
