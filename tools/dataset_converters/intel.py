"""Intel Image Classification as an image folder: 6 kinds of scenes, 150 x 150 pixels.

Download https://www.kaggle.com/puneet6060/intel-image-classification (archive.zip,
14,034 training and 3,000 test images; those without labels are not used).

Run: python tools/dataset_converters/intel.py archive.zip data/intel
"""

from mmadf.data_prep import INTEL, run_converter

if __name__ == '__main__':
    run_converter(INTEL, __doc__)
