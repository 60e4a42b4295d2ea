/*
 * Watches a folder and sorts the photos that arrive in it by what they show: into cats/, dogs/ and
 * neither/, and into unsure/ what the model is not sure about.
 *
 *     cc -std=c99 sort_photos.c -lcnn -o sort_photos
 *     ./sort_photos ~/Pictures/incoming
 *
 * Needs cnn.h, the library, and a POSIX system. The folder is looked at again and again, which
 * works on every file system, network drives included. A photo is moved when its size and time have
 * not changed between two looks, so files that are still being copied are left alone. What cannot
 * be read stays where it is, with a message. Nothing is ever overwritten. Ctrl-C ends the program.
 */
#define _POSIX_C_SOURCE 200809L

#include <cnn.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, MOST_NAMES = 10000 };

/** What the command line says. */
typedef struct {
  const char *folder;
  const char *model;
  double threshold;
  double interval;
  int once;
} settings;

/** A photo as the last look saw it. */
typedef struct {
  char *name;
  off_t size;
  struct timespec time;
  int failed; /* it could not be sorted, and the user knows */
} photo;

/** Photos, sorted by name. */
typedef struct {
  photo *items;
  size_t count, capacity;
} photos;

static volatile sig_atomic_t stop;

static void ask_to_stop(int number) {
  (void)number;
  stop = 1;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const photo *)a)->name, ((const photo *)b)->name);
}

static void clear(photos *list) {
  for (size_t i = 0; i < list->count; i++) free(list->items[i].name);
  free(list->items);
  memset(list, 0, sizeof *list);
}

/** Whether a name is that of a photo; hidden files are somebody's work in progress. */
static int is_photo(const char *name) {
  const char *end = strrchr(name, '.');
  return name[0] != '.' && end &&
         (strcasecmp(end, ".jpg") == 0 || strcasecmp(end, ".jpeg") == 0 ||
          strcasecmp(end, ".png") == 0);
}

/** Writes folder/name, or folder/part/name, to path; returns 0 if that is too long. */
static int join(char *path, const char *folder, const char *part, const char *name) {
  int length = part ? snprintf(path, PATH_SIZE, "%s/%s/%s", folder, part, name)
                    : snprintf(path, PATH_SIZE, "%s/%s", folder, name);
  return length > 0 && length < PATH_SIZE;
}

/** Lists the photos of a folder; returns 0 and says why if that fails. */
static int look(const char *folder, photos *list) {
  DIR *directory = opendir(folder);
  struct dirent *entry;
  memset(list, 0, sizeof *list);
  if (!directory) {
    fprintf(stderr, "%s: %s\n", folder, strerror(errno));
    return 0;
  }
  while ((entry = readdir(directory)) != NULL) {
    char path[PATH_SIZE];
    struct stat status;
    photo found;
    if (!is_photo(entry->d_name) || !join(path, folder, NULL, entry->d_name)) continue;
    /* Files alone: a link leads to a photo that somebody keeps elsewhere. */
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (list->count == list->capacity) {
      size_t capacity = list->capacity ? 2 * list->capacity : 64;
      photo *items = realloc(list->items, capacity * sizeof *items);
      if (!items) break; /* the rest has its turn when these are sorted */
      list->items = items;
      list->capacity = capacity;
    }
    found.name = strdup(entry->d_name);
    found.size = status.st_size;
    found.time = status.st_mtim;
    found.failed = 0;
    if (!found.name) break;
    list->items[list->count++] = found;
  }
  closedir(directory);
  if (list->count) qsort(list->items, list->count, sizeof *list->items, by_name);
  return 1;
}

/** Whether a photo is as it was at the look before; takes over what is known about it. */
static int is_settled(photo *now, const photos *before) {
  const photo *then =
      before->count
          ? bsearch(now, before->items, before->count, sizeof *before->items, by_name)
          : NULL;
  if (!then || then->size != now->size || then->time.tv_sec != now->time.tv_sec ||
      then->time.tv_nsec != now->time.tv_nsec) {
    return 0;
  }
  now->failed = then->failed;
  return 1;
}

/** The folder for a prediction. */
static void choose_folder(const cnn_prediction *best, double threshold, char *part, size_t size) {
  if (best->probability < threshold) {
    snprintf(part, size, "unsure");
  } else if (best->label[0] == '\0' || best->label[0] == '.' || strchr(best->label, '/')) {
    snprintf(part, size, "class-%lld", (long long)best->index);
  } else {
    int is_pet = strcmp(best->label, "cat") == 0 || strcmp(best->label, "dog") == 0;
    snprintf(part, size, "%s%s", best->label, is_pet ? "s" : "");
  }
}

/**
 * Finds a free name for a photo and takes it: creates an empty file, which moving the photo
 * replaces. So nobody else can take the name between looking and moving. Returns 0 if that fails.
 */
static int take_name(const char *folder, const char *part, const char *name, char *path) {
  const char *end = strrchr(name, '.');
  for (int number = 1; number < MOST_NAMES; number++) {
    char numbered[PATH_SIZE];
    int file;
    if (number == 1) {
      snprintf(numbered, sizeof numbered, "%s", name);
    } else {
      snprintf(numbered, sizeof numbered, "%.*s-%d%s", (int)(end - name), name, number, end);
    }
    if (!join(path, folder, part, numbered)) {
      errno = ENAMETOOLONG;
      return 0;
    }
    file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file >= 0) {
      close(file);
      return 1;
    }
    if (errno != EEXIST) return 0;
  }
  return 0;
}

/** Moves a photo into a folder in the watched one; returns 0 and says why if that fails. */
static int move(const char *folder, const char *name, const char *part, double probability) {
  char from[PATH_SIZE], to[PATH_SIZE];
  if (!join(from, folder, NULL, name) || !join(to, folder, NULL, part)) return 0;
  if (mkdir(to, 0777) != 0 && errno != EEXIST) {
    fprintf(stderr, "%s: %s\n", to, strerror(errno));
    return 0;
  }
  if (!take_name(folder, part, name, to)) {
    fprintf(stderr, "%s: no name is free in %s: %s\n", name, part, strerror(errno));
    return 0;
  }
  if (rename(from, to) != 0) {
    fprintf(stderr, "%s: cannot be moved: %s\n", from, strerror(errno));
    unlink(to);
    return 0;
  }
  printf("%s -> %s (%.1f %%)\n", name, to + strlen(folder) + 1, 100 * probability);
  fflush(stdout);
  return 1;
}

/** Recognises a photo and moves it; returns 0 and says why if that fails. */
static int sort_photo(const cnn_model *model, const settings *given, const char *name) {
  char path[PATH_SIZE], part[256];
  cnn_prediction best;
  int64_t count;
  if (!join(path, given->folder, NULL, name)) return 0;
  if (cnn_recognise_file(model, path, 1, &best, &count) != CNN_OK) {
    fprintf(stderr, "left in place: %s\n", cnn_last_error_message());
    return 0;
  }
  choose_folder(&best, given->threshold, part, sizeof part);
  return move(given->folder, name, part, best.probability);
}

/** Sleeps; a signal ends it early. */
static void wait_for(double seconds) {
  struct timespec time;
  time.tv_sec = (time_t)seconds;
  time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
  nanosleep(&time, NULL);
}

/** Looks and sorts until somebody stops it, or once; returns the exit status. */
static int watch(const cnn_model *model, const settings *given) {
  photos before, now;
  int64_t sorted = 0, left = 0;
  int status = look(given->folder, &before) ? 0 : 1;
  while (status == 0 && !stop) {
    left = 0;
    wait_for(given->interval);
    /* A network drive may be away for a while: then the next look finds it again. */
    if (!look(given->folder, &now)) {
      if (given->once) status = 1;
      continue;
    }
    for (size_t i = 0; i < now.count && !stop; i++) {
      photo *each = &now.items[i];
      if (!is_settled(each, &before)) {
        if (given->once) fprintf(stderr, "%s is still being written\n", each->name);
        left++;
      } else if (!each->failed) {
        each->failed = !sort_photo(model, given, each->name);
        if (!each->failed) sorted++;
      }
      left += each->failed;
    }
    clear(&before);
    before = now;
    if (given->once) break;
  }
  clear(&before);
  fprintf(stderr, "%lld sorted, %lld left in place\n", (long long)sorted, (long long)left);
  return given->once && left ? 1 : status;
}

static int usage(const char *program) {
  fprintf(stderr,
          "usage: %s [--model FILE] [--threshold SHARE] [--interval SECONDS] [--once] FOLDER\n"
          "  --model      the model; left out, the one that comes with the library\n"
          "  --threshold  how sure the model has to be, from 0 to 1; otherwise a photo goes to\n"
          "               unsure/ (0.8)\n"
          "  --interval   how long to wait between looks, from 0.01 to 3600 (1)\n"
          "  --once       sort what is there and end; exit status 1 if something was left\n",
          program);
  return 2;
}

/** Reads a number from the command line; returns 0 if it is none or out of range. */
static int number(const char *text, double least, double most, double *out) {
  char *end;
  *out = strtod(text, &end);
  return end != text && *end == '\0' && *out >= least && *out <= most;
}

int main(int argc, char **argv) {
  settings given = {NULL, NULL, 0.8, 1, 0};
  struct sigaction action;
  cnn_model *model;
  cnn_status status;
  for (int i = 1; i < argc; i++) {
    int has_value = i + 1 < argc;
    if (strcmp(argv[i], "--once") == 0) {
      given.once = 1;
    } else if (strcmp(argv[i], "--model") == 0 && has_value) {
      given.model = argv[++i];
    } else if (strcmp(argv[i], "--threshold") == 0 && has_value) {
      if (!number(argv[++i], 0, 1, &given.threshold)) return usage(argv[0]);
    } else if (strcmp(argv[i], "--interval") == 0 && has_value) {
      if (!number(argv[++i], 0.01, 3600, &given.interval)) return usage(argv[0]);
    } else if (argv[i][0] == '-' || given.folder) {
      return usage(argv[0]);
    } else {
      given.folder = argv[i];
    }
  }
  if (!given.folder) return usage(argv[0]);
  status = given.model ? cnn_model_load(given.model, &model)
                       : cnn_model_load_pretrained(NULL, &model);
  if (status != CNN_OK) {
    fprintf(stderr, "%s\n", cnn_last_error_message());
    return 1;
  }
  memset(&action, 0, sizeof action);
  action.sa_handler = ask_to_stop; /* without SA_RESTART, so that sleeping ends */
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  {
    int result = watch(model, &given);
    cnn_model_free(model);
    return result;
  }
}
