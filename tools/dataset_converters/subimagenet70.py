"""Convert Sub-ImageNet-70, 70 classes of ImageNet selected by the authors.

Download archive.zip from https://www.kaggle.com/mohammadrahimzadeh/imagenet-70classes
(31,500 training and 3,500 test images). Its tables train.csv and test.csv list the
images of each split.

Run: python tools/dataset_converters/subimagenet70.py archive.zip data/subimagenet70
"""

from mmadf.data_prep import SUBIMAGENET70, run_converter

if __name__ == '__main__':
    run_converter(SUBIMAGENET70, __doc__)
