"""The constants that set how hard the synthetic vehicles are to tell apart.

All of them stand in this file, so that the ceiling of a trained encoder can be tuned: change a
constant, render the validation split, train, and measure rank-1, mAP, color and type accuracy.
"""

#: Share of the vehicles without stickers and stripes, for each type. Commercial vehicles carry
#: marks more often than private cars.
UNMARKED_SHARE = {
    "sedan": 0.58, "suv": 0.60, "hatchback": 0.55, "mpv": 0.52, "pickup": 0.48, "estate": 0.50,
    "van": 0.25, "bus": 0.15, "truck": 0.22,
}  # fmt: skip
#: Size of the stickers of private cars relative to those of vans, buses and trucks.
PRIVATE_MARK_SIZE = 1.1

#: Share of the vehicles that belong to a family. The vehicles of a family share model (proportions,
#: lamps, grille, windows, trim) and paint shade: they are hard negatives of each other. The first
#: share is that of the training split, the second that of the others.
FAMILY_SHARE = 0.15
TEST_FAMILY_SHARE = 0.30
#: Sizes of the families and their probabilities.
FAMILY_SIZES = (2, 3, 4, 5)
FAMILY_SIZE_ODDS = (0.4, 0.3, 0.2, 0.1)

#: Largest relative deviation of a model's lengths from the mean of its type: overall length, width
#: and height, then single parts (belt line, hood, wheels, roof).
PROPORTION_SPREAD = 0.10
PART_SPREAD = 0.13

#: Share of the vehicles with dirt, and its largest amount in [0, 1].
DIRTY_SHARE = 0.50
DIRT_MOST = 0.7
#: Share of the vehicles with damage: scratches, and panels in a differing shade.
DAMAGED_SHARE = 0.45
#: Share of the models with trim of chrome, of unpainted plastic, and with a two-tone body.
CHROME_SHARE = 0.45
PLASTIC_SHARE = 0.45
TWO_TONE_SHARE = 0.30
#: Contrast of the dots of number plates, in [0, 1]; 0 makes all plates blank.
PLATE_CONTRAST = 0.9
#: Share of the vehicles of a family whose wheels differ from those of the model.
OWN_WHEELS_SHARE = 0.8

#: Odds of the kinds of light, as parts of one.
LIGHT_ODDS = {
    "morning": 0.11, "forenoon": 0.13, "noon": 0.13, "afternoon": 0.12, "evening": 0.07,
    "overcast": 0.14, "drizzle": 0.05, "rain": 0.06, "dusk": 0.05, "night": 0.07, "backlight": 0.07,
}  # fmt: skip

#: Spread of the 20 cameras: exposure and white balance as factors exp(+-x), saturation and
#: contrast as 1 +- x, and the largest lens blur in pixels of the crop.
CAMERA_EXPOSURE = 0.12
CAMERA_WHITE_BALANCE = 0.06
CAMERA_SATURATION = 0.14
CAMERA_CONTRAST = 0.12
CAMERA_BLUR_PX = 0.8

#: Numbers of the cameras that stand far away, and the range of their crops' sizes in pixels. They
#: give gallery images and no queries: a person picks a query on which the vehicle is clear. The
#: training split has no such cameras.
FAR_CAMERAS = (2, 5, 7, 9, 11, 18, 19)
FAR_PX = (26.0, 40.0)

#: The same of each passage in the training split, in addition, with the largest turn of the hues in
#: degrees, and the shares of images with an object in front, a random backdrop and a cut crop.
TRAIN_EXPOSURE = 0.18
TRAIN_WHITE_BALANCE = 0.10
TRAIN_SATURATION = 0.22
TRAIN_CONTRAST = 0.15
TRAIN_BLUR_PX = 1.0
TRAIN_HUE_DEG = 3.0
TRAIN_OCCLUDED_SHARE = 0.16
TRAIN_BACKDROP_SHARE = 0.06
TRAIN_CUT_SHARE = 0.12
TEST_OCCLUDED_SHARE = 0.13
