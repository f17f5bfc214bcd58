"""Run the demo on few and small pictures, in seconds: every part that an installed lienzo needs for the whole one.

python scripts/short_demo.py FOLDER
"""

import dataclasses
import sys
from pathlib import Path

from lienzo.demo import demo
from lienzo.networks.configurations import DCGAN

network = DCGAN(latents=8, width=4)
recipe = dataclasses.replace(demo.recipe(), network=network, batch=16, images=640, tick=160, sample_every=320)

if __name__ == "__main__":
    print(demo.demo(Path(sys.argv[1]), demo.Settings(files=160, size=16, recipe=recipe, workers=1)))
