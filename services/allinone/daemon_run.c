#include "services/allinone/daemon_run.h"

#include <sys/mman.h>

#include "services/allinone/daemon_config.h"
#include "services/allinone/daemon_dir.h"
#include "services/allinone/daemon_worker.h"

static enum st_err load(struct daemon_job *job, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    struct st_config_error why;
    enum st_err err = daemon_dir_check(job->dir, error);
    if (err != ST_OK)
        return err;
    daemon_dir_path(path, job->dir, DAEMON_CONFIG_FILE);
    err = daemon_config_load(&job->settings, path, &why);
    if (err == ST_OK && daemon_config_device_port(&job->settings) != 0)
        return ST_OK;
    daemon_error_what(error, ST_EXIT_USAGE, "bad_config", "the configuration is wrong");
    daemon_error_why(error, "%s", err != ST_OK ? why.text : "port 65535 has no port after it for devices");
    daemon_error_next(error, "edit %s", path);
    return ST_EMALFORMED;
}

int daemon_run(const struct daemon_args *args)
{
    struct daemon_job job = { .dir = args->dir };
    struct daemon_error error = { 0 };
    int lock_fd = -1;
    if (load(&job, &error) != ST_OK || daemon_dir_lock(job.dir, &lock_fd, &error) != ST_OK)
        return daemon_error_print(&error);
    struct st_log_options log = { .program = "safetalkd", .level = (enum st_log_level)job.settings.log_level };
    job.shown = mmap(NULL, sizeof *job.shown, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    enum st_err err = job.shown == MAP_FAILED ? ST_ENOMEM : st_log_open(&job.log, &log);
    if (err != ST_OK) {
        daemon_error_file(&error, err, job.dir, "served", job.dir);
        return daemon_error_print(&error);
    }
    atomic_init(job.shown, false);
    const struct st_supervise_options options = { daemon_worker, &job, job.log, job.settings.drain_ms };
    int code = st_supervise(&options);
    st_log_close(&job.log);
    munmap(job.shown, sizeof *job.shown);
    return code;
}
