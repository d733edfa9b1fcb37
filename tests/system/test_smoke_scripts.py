"""The smoke scripts against running services, and against nothing. (Being written by the helper.)"""
