"""The sports that Terra has a number for."""

from collections.abc import Mapping

# https://docs.tryterra.co/reference/health-and-fitness-api/data-models (ActivityType), also readable at
# https://github.com/tryterra/openapi/blob/master/data_models/specs/data_models/enums.tsp
SPORTS: Mapping[int, str] = {
    0: "in vehicle", 1: "biking", 3: "still", 4: "unknown", 5: "tilting", 7: "walking", 8: "running", 9: "aerobics",
    10: "badminton", 11: "baseball", 12: "basketball", 13: "biathlon", 14: "handbiking", 15: "mountain biking",
    16: "road biking", 17: "spinning", 18: "stationary biking", 19: "utility biking", 20: "boxing",
    21: "calisthenics", 22: "circuit training", 23: "cricket", 24: "dancing", 25: "elliptical", 26: "fencing",
    27: "american football", 28: "australian football", 29: "english football", 30: "frisbee", 31: "gardening",
    32: "golf", 33: "gymnastics", 34: "handball", 35: "hiking", 36: "hockey", 37: "horseback riding", 38: "housework",
    39: "jumping rope", 40: "kayaking", 41: "kettlebell training", 42: "kickboxing", 43: "kitesurfing",
    44: "martial arts", 45: "meditation", 46: "mixed martial arts", 47: "p90x exercises", 48: "paragliding",
    49: "pilates", 50: "polo", 51: "racquetball", 52: "rock climbing", 53: "rowing", 54: "rowing machine",
    55: "rugby", 56: "jogging", 57: "running on sand", 58: "treadmill running", 59: "sailing", 60: "scuba diving",
    61: "skateboarding", 62: "skating", 63: "cross skating", 64: "indoor rollerblading", 65: "skiing",
    66: "back country skiing", 67: "cross country skiing", 68: "downhill skiing", 69: "kite skiing",
    70: "roller skiing", 71: "sledding", 73: "snowboarding", 74: "snowmobile", 75: "snowshoeing", 76: "squash",
    77: "stair climbing", 78: "stair climbing machine", 79: "stand up paddleboarding", 80: "strength training",
    81: "surfing", 82: "swimming", 83: "swimming in pool", 84: "open water swimming", 85: "table tennis",
    86: "team sport", 87: "tennis", 88: "treadmill", 89: "volleyball", 90: "beach volleyball",
    91: "indoor volleyball", 92: "wakeboarding", 93: "walking fitness", 94: "nordic walking", 95: "walking treadmill",
    96: "waterpolo", 97: "weightlifting", 98: "wheelchair", 99: "windsurfing", 100: "yoga", 101: "zumba",
    102: "diving", 103: "ergometer", 104: "ice skating", 105: "indoor skating", 106: "curling", 108: "other",
    113: "crossfit", 114: "hiit", 115: "interval training", 116: "walking stroller", 117: "elevator",
    118: "escalator", 119: "archery", 120: "softball", 122: "guided breathing", 123: "cardio training",
    124: "lacrosse", 125: "stretching", 126: "triathlon", 127: "inline skating", 128: "sky diving", 129: "paddling",
    130: "mountaineering", 131: "fishing", 132: "water skiing", 133: "indoor running", 134: "padel tennis",
    135: "driving", 136: "off road driving", 137: "motorbiking", 138: "motor racing", 139: "enduro", 140: "canoeing",
    141: "orienteering", 142: "hang gliding", 143: "flying", 144: "hot air ballooning", 145: "jet skiing",
    146: "power boating", 147: "gaelic football", 148: "hurling",
}  # fmt: skip
