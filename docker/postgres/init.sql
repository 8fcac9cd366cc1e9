-- Run once, by the superuser, on an empty server: two databases and three logins. None is a superuser.
\set admin_password `cat /run/secrets/tracker_admin_password`
\set service_password `cat /run/secrets/tracker_service_password`
\set airflow_password `cat /run/secrets/airflow_password`

-- The login that migrates and admits officers; only one-shot commands hold it. It owns the database (to say
-- who may connect), creates roles, and takes the role of the owner of all objects. By itself it reads nothing.
CREATE ROLE tracker_admin LOGIN CREATEROLE CONNECTION LIMIT 10 PASSWORD :'admin_password';
-- The login of everything that runs unattended.
CREATE ROLE tracker_service LOGIN CONNECTION LIMIT 100 PASSWORD :'service_password';
CREATE ROLE airflow LOGIN CONNECTION LIMIT 80 PASSWORD :'airflow_password';

CREATE DATABASE tracker OWNER tracker_admin TEMPLATE template0;
CREATE DATABASE airflow OWNER airflow TEMPLATE template0;
REVOKE ALL ON DATABASE tracker, airflow, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE tracker TO tracker_service;

-- The roles of the tracker, before its migrations need them, so that the service can be let in to its own:
-- neither the owner's nor the eraser's. A login has no right until it says which role it acts in.
CREATE ROLE tracker_owner NOLOGIN;
CREATE ROLE tracker_recorder NOLOGIN;
CREATE ROLE tracker_projector NOLOGIN;
CREATE ROLE tracker_publisher NOLOGIN;
CREATE ROLE tracker_reader NOLOGIN;
CREATE ROLE tracker_vault NOLOGIN;
CREATE ROLE tracker_eraser NOLOGIN;
GRANT tracker_owner, tracker_recorder, tracker_projector, tracker_publisher, tracker_reader, tracker_vault,
      tracker_eraser TO tracker_admin WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;
GRANT tracker_recorder, tracker_projector, tracker_publisher, tracker_reader, tracker_vault
      TO tracker_service WITH INHERIT FALSE, SET TRUE;
