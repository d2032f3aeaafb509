"""MIT Indoor 67 as an image folder, in the published split of 5,360 and 1,340 images.

Download from https://web.mit.edu/torralba/www/indoor.html indoorCVPR_09.tar and, to
the same folder, TrainImages.txt and TestImages.txt. The archive of
https://www.kaggle.com/itsahmad/indoor-scenes-cvpr-2019 holds all three. Images of the
archive that neither list names, about 8,900, are not used.

Run: python tools/dataset_converters/mit67.py indoorCVPR_09.tar data/mit67
"""

from mmadf.data_prep import MIT67, run_converter

if __name__ == '__main__':
    run_converter(MIT67, __doc__)
