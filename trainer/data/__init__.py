"""Labelled faces from what people have: a folder, a table, or a zip of either.

- the Kaggle layout: `<split>/<emotion>/*.png`, also below `images/`, or `<emotion>/*.png` alone;
- `fer2013.csv` (also as `icml_face_data.csv`): emotion, pixels, Usage; FER+ votes in `fer2013new.csv` beside it;
- sheets: `<split>.csv` with a line a face, and the faces packed into `<split>_NN.jpg`, with FER+ votes.
"""

from trainer.data.copies import grouped
from trainer.data.faces import OTHER_VOTES, SIDE, VOTES_OF, DataError, Faces, NoDataError
from trainer.data.findings import Findings
from trainer.data.sets import DataSet, Split, open_data, read_split, read_training

__all__ = [
    "OTHER_VOTES",
    "SIDE",
    "VOTES_OF",
    "DataError",
    "DataSet",
    "Faces",
    "Findings",
    "NoDataError",
    "Split",
    "grouped",
    "open_data",
    "read_split",
    "read_training",
]
