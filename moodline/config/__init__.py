"""The configuration file: reading it, naming every error with its place, and its generated documentation.

``document``, ``variables``, ``environment`` and ``explain`` work for any settings class, and
``moodline.settings.load`` puts them together. ``check`` and ``docs`` stand above and use the settings.
"""
