"""Convert MIT Indoor 67, with the published split into 5,360 and 1,340 images.

Download indoorCVPR_09.tar and, to the same folder, TrainImages.txt and TestImages.txt
from https://web.mit.edu/torralba/www/indoor.html. The archive of
https://www.kaggle.com/itsahmad/indoor-scenes-cvpr-2019 contains all three. About 8,900
images of the archive are in neither list and are not used.

Run: python tools/dataset_converters/mit67.py indoorCVPR_09.tar data/mit67
"""

from mmadf.data_prep import MIT67, run_converter

if __name__ == '__main__':
    run_converter(MIT67, __doc__)
