"""ADF-RegNetX-200MF on scenes whose heads learn from a gated mean of their logits.

Run: python tools/study.py configs/studies/adf_regnet_scenes_search.py (see its docstring)
Expect: 81.9 % top-1 on held-out training images as `gated_teacher`, one seed (docs/results.md).
Cost: about that of adf_regnet_scenes.py.
"""

_base_ = './adf_regnet_scenes.py'

custom_imports = dict(
    imports=['mmadf', 'mmadf.experiments.adf_variants'], allow_failed_imports=False
)
model = dict(type='GatedTeacherADF', distill_weight=1.0, distill_temperature=2.0)
