"""`keras.preprocessing.image`: images as files and arrays."""

from ranvier.utils.image_files import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
