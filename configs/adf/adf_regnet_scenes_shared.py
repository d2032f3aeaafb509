"""ADF-RegNetX-200MF on scenes whose branches share the weights of one backbone.

Run: python tools/study.py configs/studies/adf_regnet_scenes_search.py (see its docstring)
Expect: 82.1 % top-1 on held-out training images as `shared`, one seed (docs/results.md).
Cost: about that of adf_regnet_scenes.py.
"""

_base_ = './adf_regnet_scenes.py'

custom_imports = dict(
    imports=['mmadf', 'mmadf.experiments.adf_variants'], allow_failed_imports=False
)
model = dict(type='SharedADF', distill_weight=1.0, distill_temperature=2.0)
