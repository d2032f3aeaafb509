"""Convert Intel Image Classification, 6 kinds of scenes at 150x150 pixels.

Download archive.zip from https://www.kaggle.com/puneet6060/intel-image-classification
(14,034 training and 3,000 test images; the unlabelled images are not used).

Run: python tools/dataset_converters/intel.py archive.zip data/intel
"""

from mmadf.data_prep import INTEL, run_converter

if __name__ == '__main__':
    run_converter(INTEL, __doc__)
