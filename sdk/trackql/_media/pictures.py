"""Pictures, still and moving."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from trackql.errors import InvalidInput

from . import arrays, sniff
from .base import Encoded, Media, content, needs_pillow, size_of

FORMATS = ("png", "jpeg", "webp")


class Image(Media):
    """A picture: an image of Pillow, an array, the bytes of a file, or its path.

    An array is height × width, with 1, 3 or 4 channels behind, of integers from 0 to 255, floats
    from 0 to 1, or booleans.
    """

    kind = "IMAGE"

    def __init__(self, data: Any, caption: str | None = None, format: str | None = None) -> None:
        super().__init__(caption)
        if format not in (None, *FORMATS):
            raise InvalidInput(
                f"format must be one of {', '.join(FORMATS)}, not {format!r}", argument="format"
            )
        self._format = format or "png"
        self._data: Any = content(data)
        self._ending: str | None = None
        if self._data is not None:
            self._ending = sniff.image(self._data)
            if self._ending is None:
                raise InvalidInput(
                    "data is no image of a known format: give PNG, JPEG, WebP, GIF, SVG, BMP or "
                    "AVIF, an array, or an image of Pillow",
                    argument="data",
                )
            if format is not None and format != self._ending:
                raise InvalidInput(
                    f"data is {self._ending} already: leave format out", argument="format"
                )
        elif callable(getattr(data, "save", None)) and callable(getattr(data, "copy", None)):
            self._data = data.copy()
        else:
            if callable(getattr(data, "to_pil", None)):  # as MLflow's own class has it
                self._data = data.to_pil()
                return
            needs_pillow("an array as an image", "give the bytes of an encoded image")
            self._data = arrays.copied(data, "data")
            shape = self._data.shape
            if 0 in shape or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))):
                raise InvalidInput(
                    "data must be height × width, with 1, 3 or 4 channels behind, not "
                    f"{arrays.shape_of(self._data)}",
                    argument="data",
                )

    def to_pil(self) -> Any:
        """The picture as an image of Pillow."""
        from trackql._render import _picture

        if self._ending is not None:
            needs_pillow("to_pil", "use the bytes that it was made of")
            from PIL import Image as Pillow

            return Pillow.open(BytesIO(self._data))
        return _picture(self._data) if hasattr(self._data, "shape") else self._data

    def _encode(self) -> Encoded:
        from trackql._render import image

        if self._ending is not None:
            return Encoded(self._data, self._ending, sniff.IMAGES[self._ending])
        data = image(self._data, f"image.{self._format}")
        if hasattr(self._data, "shape"):
            height, width = self._data.shape[:2]
        else:
            width, height = self._data.size
        body = {"width": int(width), "height": int(height)}
        return Encoded(data, self._format, sniff.IMAGES[self._format], body)


class Video(Media):
    """Moving pictures: the bytes of a file, its path, or an array of frames.

    An array is frames × height × width × channels and is stored as a GIF.
    """

    kind = "VIDEO"

    def __init__(self, data: Any, caption: str | None = None, fps: float = 4) -> None:
        super().__init__(caption)
        self._data: Any = content(data)
        self._ending: str | None = None
        self._fps = fps
        if self._data is not None:
            self._ending = sniff.video(self._data)
            if self._ending is None:
                raise InvalidInput(
                    "data is no video of a known format: give MP4, WebM, Ogg, MOV, AVI or GIF, or "
                    "an array of frames",
                    argument="data",
                )
            return
        if not 0 < fps <= 100:
            raise InvalidInput("fps must lie between 0 and 100", argument="fps")
        needs_pillow("an array as a video", "give the bytes or the path of a video")
        self._data = arrays.copied(data, "data")
        shape = self._data.shape
        if 0 in shape or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))):
            raise InvalidInput(
                "data must be frames × height × width, with 1, 3 or 4 channels behind, not "
                f"{arrays.shape_of(self._data)}",
                argument="data",
            )

    def _encode(self) -> Encoded:
        if self._ending is not None:
            return Encoded(self._data, self._ending, sniff.VIDEOS[self._ending])
        from trackql._render import _picture

        frames = [_picture(frame) for frame in self._data]
        buffer = BytesIO()
        frames[0].save(
            buffer,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=max(10, round(1000 / self._fps)),
            loop=0,
        )
        count, height, width = self._data.shape[:3]
        body = {"width": width, "height": height, "frames": count}
        return Encoded(buffer.getvalue(), "gif", "image/gif", body)

    def _size(self) -> int:
        return size_of(self._data)
