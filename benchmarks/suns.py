"""Can single units of a generator make its suns go away? A dissection of a generator of painted seascapes.

Paints seascapes, trains a small generator on them, ties its units to the parts of the pictures by IoU, and switches
those tied to the sun off, beside random units of equal activation. A second run of the script takes up what is there.

    python benchmarks/suns.py [--out suns] [--images 16000] [--seeds 512]
"""

import argparse
from pathlib import Path

import lienzo
from lienzo.explore.dissection_page import page
from lienzo.painter.manners import paint_canvas
from lienzo.recipe.catalogue import one_layer
from lienzo.storage.files import write_text

PICTURES = 500


def trained(out: Path, images: int) -> lienzo.Run:
    """Return the run of a generator of 32 px seascapes, trained where it is not yet."""
    pictures, collection = out / "pictures", out / "seascapes-32"
    if not (collection / "collection.json").exists():
        pictures.mkdir(parents=True, exist_ok=True)
        for number in range(PICTURES):
            paint_canvas("seascapes", 0, number).save(pictures / f"{number:05}.png")
        lienzo.prepare(pictures, collection, size=32, workers=1)
    return lienzo.train(collection, one_layer().with_settings([f"images={images}"]), out=out / "run")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("suns"))
    parser.add_argument("--images", type=int, default=16_000)
    parser.add_argument("--seeds", type=int, default=512)
    arguments = parser.parse_args()
    run = trained(arguments.out, arguments.images)
    found = lienzo.explore.dissect(run, masks="painter", concept=["sun"], count=arguments.seeds)
    write_text(arguments.out / "dissection.html", page(found))
    print("quality of the masks of suns", next(one.quality for one in found.concepts if one.name == "sun"))
    print("units", ", ".join(f"{layer}:{unit} ({iou:.2f})" for layer, unit, iou in found.best_units("sun")))
    for effect in found.effects:
        area, other = effect.relative(effect.change), effect.relative(effect.control)
        suns, others = effect.relative_seen(effect.seen_change), effect.relative_seen(effect.seen_control)
        print(f"{effect.layer} {len(effect.units):2} {effect.how:3}  area {area} | control {other}", end="  ")
        print(f"pictures with a sun {suns} | control {others}")
